//! What goes through the encoding comes out of it, whatever it is; what does not come out hurts
//! nobody.

pub(crate) mod sample;

use evenkeel_model::health_monitor::ProbeKind;
use evenkeel_model::provider::ProviderName;
use evenkeel_model::{AgentId, Epoch, Generation, LoadBalancerId};
use evenkeel_vault::PublicKey;
use proptest::prelude::*;
use prost::Message;
use uuid::Uuid;

use super::decode::{CONTROL_TOO_OLD, NODE_TOO_OLD, Unread};
use super::{AgentWord, ControlWord, encode};
use crate::{FromAgent, Outcome, ToAgent};

fn to_agent(bytes: &[u8]) -> Result<ToAgent, Unread> {
    super::ToAgent::decode(bytes).unwrap().try_into()
}

fn from_agent(bytes: &[u8]) -> Result<FromAgent, Unread> {
    super::FromAgent::decode(bytes).unwrap().try_into()
}

fn encoded_to(message: &ToAgent) -> Vec<u8> {
    super::ToAgent::from(message.clone()).encode_to_vec()
}

fn encoded_from(message: &FromAgent) -> Vec<u8> {
    super::FromAgent::from(message.clone()).encode_to_vec()
}

fn id() -> impl Strategy<Value = LoadBalancerId> {
    any::<u128>().prop_map(|it| LoadBalancerId::new(Uuid::from_u128(it)))
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let generation = || any::<u64>().prop_map(Generation::new);
    prop_oneof![
        generation().prop_map(Outcome::Converged),
        (generation(), ".*")
            .prop_map(|(generation, reason)| Outcome::Refused { generation, reason }),
        (generation(), ".*")
            .prop_map(|(generation, reason)| Outcome::Retrying { generation, reason }),
        Just(Outcome::Leaving),
    ]
}

fn words_to() -> impl Strategy<Value = ToAgent> {
    let entry =
        (id(), any::<u64>(), any::<u64>()).prop_map(|(load_balancer, epoch, generation)| {
            let (epoch, generation) = (Epoch::new(epoch), Generation::new(generation));
            crate::IndexEntry { load_balancer, epoch, generation }
        });
    let index = (any::<u64>(), proptest::collection::vec(entry, 0..8))
        .prop_map(|(serial, entries)| ToAgent::Index(crate::Index { serial, entries }));
    let graph = (id(), any::<u64>(), proptest::option::of((any::<u64>(), ".{0,200}"))).prop_map(
        |(load_balancer, epoch, graph)| {
            let graph = graph.map(|(generation, name)| sample::graph(generation, &name));
            let epoch = Epoch::new(epoch);
            ToAgent::Graph(Box::new(crate::Graph { load_balancer, epoch, graph }))
        },
    );
    let unusable = (id(), any::<u64>(), any::<u64>(), ".+").prop_map(
        |(load_balancer, epoch, generation, reason)| {
            let (epoch, generation) = (Epoch::new(epoch), Generation::new(generation));
            ToAgent::Unusable(crate::Unusable { load_balancer, epoch, generation, reason })
        },
    );
    prop_oneof![index, graph, unusable]
}

fn words_from() -> impl Strategy<Value = FromAgent> {
    let hello = (
        any::<u128>(),
        ".*",
        proptest::collection::vec(".*", 0..4),
        any::<u32>(),
        any::<Vec<u8>>(),
        proptest::sample::subsequence(ProbeKind::ALL, 0..=ProbeKind::ALL.len()),
    )
        .prop_map(|(agent, host, providers, capacity, key, probes)| {
            FromAgent::Hello(crate::Hello {
                agent: AgentId::new(Uuid::from_u128(agent)),
                host,
                providers: providers.into_iter().map(ProviderName::new).collect(),
                capacity,
                key: PublicKey::new(key),
                probes,
            })
        });
    let fetch = id().prop_map(|load_balancer| FromAgent::Fetch(crate::Fetch { load_balancer }));
    let entry = (id(), any::<u64>(), outcome()).prop_map(|(load_balancer, epoch, outcome)| {
        crate::InventoryEntry { load_balancer, epoch: Epoch::new(epoch), outcome }
    });
    let inventory = (any::<u64>(), proptest::collection::vec(entry, 0..8))
        .prop_map(|(answers, entries)| FromAgent::Inventory(crate::Inventory { answers, entries }));
    let observed = (id(), any::<u64>(), any::<u64>()).prop_map(|(load_balancer, epoch, number)| {
        let observation = sample::observation(number);
        let epoch = Epoch::new(epoch);
        FromAgent::Observed(crate::Observed { load_balancer, epoch, observation })
    });
    prop_oneof![hello, fetch, inventory, observed]
}

proptest! {
    #[test]
    fn what_is_said_to_agents_arrives(message in words_to()) {
        prop_assert_eq!(to_agent(&encoded_to(&message)).unwrap(), message);
    }

    #[test]
    fn what_agents_say_arrives(message in words_from()) {
        prop_assert_eq!(from_agent(&encoded_from(&message)).unwrap(), message);
    }

    #[test]
    fn garbage_hurts_nobody(bytes in any::<Vec<u8>>()) {
        let _ = super::ToAgent::decode(&bytes[..]).map(ToAgent::try_from);
        let _ = super::FromAgent::decode(&bytes[..]).map(FromAgent::try_from);
    }

    #[test]
    fn a_message_with_wrong_bytes_hurts_nobody(
        message in words_from(), places in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6)
    ) {
        let mut bytes = encoded_from(&message);
        for (place, byte) in places {
            let length = bytes.len();
            if length > 0 {
                bytes[place % length] = byte;
            }
        }
        let _ = super::FromAgent::decode(&bytes[..]).map(FromAgent::try_from);
    }
}

#[test]
fn fields_of_a_later_version_are_passed_over() {
    let fetch = FromAgent::Fetch(crate::Fetch { load_balancer: sample::id() });
    let mut bytes = encoded_from(&fetch);
    // Field 99, a number, after the word.
    bytes.extend([0x98, 0x06, 0x07]);
    assert_eq!(from_agent(&bytes).unwrap(), fetch);
}

#[test]
fn a_way_to_probe_of_a_later_version_is_passed_over() {
    let [FromAgent::Hello(hello), ..] = sample::from_agent() else { panic!("it is the first") };
    let mut said = super::Hello::from(hello);
    said.probes = ["PING", "QUIC"].map(ToOwned::to_owned).into();
    let word = Some(ControlWord::Hello(said));
    let read = from_agent(&super::FromAgent { word }.encode_to_vec()).unwrap();
    let FromAgent::Hello(read) = read else { panic!("{read:?}") };
    assert_eq!(read.probes, [ProbeKind::Ping]);
}

#[test]
fn a_word_of_a_later_version_is_unread() {
    // Field 99, an empty message, and no word.
    assert!(matches!(to_agent(&[0x9a, 0x06, 0x00]), Err(Unread::Kind)));
    assert!(matches!(from_agent(&[]), Err(Unread::Kind)));
}

#[test]
fn a_graph_of_a_later_version_is_unusable_and_says_what_helps() {
    let graph = super::Graph {
        load_balancer: sample::id().uuid().into_bytes().to_vec(),
        epoch: 2,
        generation: 7,
        document: Some(br#"{"generation":7,"listeners":[{"protocol":"QUIC"}]}"#.to_vec()),
        withheld: String::new(),
    };
    let bytes = super::ToAgent { word: Some(AgentWord::Graph(graph)) }.encode_to_vec();
    let expected = crate::Unusable {
        load_balancer: sample::id(),
        epoch: Epoch::new(2),
        generation: Generation::new(7),
        reason: NODE_TOO_OLD.to_owned(),
    };
    assert_eq!(to_agent(&bytes).unwrap(), ToAgent::Unusable(expected));
}

#[test]
fn an_outcome_of_a_later_version_is_no_success() {
    let entry = super::InventoryEntry {
        load_balancer: sample::id().uuid().into_bytes().to_vec(),
        outcome: 99,
        generation: 3,
        ..Default::default()
    };
    let inventory = super::Inventory { answers: 1, entries: vec![entry] };
    let word = Some(ControlWord::Inventory(inventory));
    let read = from_agent(&super::FromAgent { word }.encode_to_vec()).unwrap();
    let FromAgent::Inventory(read) = read else { panic!("{read:?}") };
    let reason = CONTROL_TOO_OLD.to_owned();
    let expected = Outcome::Retrying { generation: Generation::new(3), reason };
    assert_eq!(read.entries[0].outcome, expected);
}

#[test]
fn a_graph_that_no_message_holds_is_withheld_with_the_cure() {
    let name = "x".repeat(crate::grpc::DOCUMENT_BYTES);
    let mut graph = sample::graph(5, "large");
    graph.load_balancer.tags = serde_json::from_value(serde_json::json!([name])).unwrap();
    let graph =
        crate::Graph { load_balancer: sample::id(), epoch: Epoch::new(1), graph: Some(graph) };
    let read = to_agent(&encoded_to(&ToAgent::Graph(Box::new(graph)))).unwrap();
    let ToAgent::Unusable(unusable) = read else { panic!("it went through") };
    assert_eq!(unusable.reason, encode::TOO_LARGE);
    assert_eq!(unusable.generation, Generation::new(5));
}

/// The bytes of each message as the first version said them: every later one reads them.
const FIRST: &str = include_str!("../../fixtures/1.txt");

#[test]
fn what_the_first_version_said_is_still_read() {
    let (mut to, mut from) = (Vec::new(), Vec::new());
    for line in FIRST.lines() {
        match line.split_once(' ').unwrap() {
            ("to_agent", bytes) => to.push(to_agent(&bytes_of(bytes)).unwrap()),
            ("from_agent", bytes) => from.push(from_agent(&bytes_of(bytes)).unwrap()),
            (other, _) => panic!("{other}"),
        }
    }
    assert_eq!(to, sample::to_agent());
    assert_eq!(from, sample::from_agent());
}

fn bytes_of(hexadecimal: &str) -> Vec<u8> {
    let byte = |place| u8::from_str_radix(&hexadecimal[place..place + 2], 16).unwrap();
    (0..hexadecimal.len()).step_by(2).map(byte).collect()
}

/// `link.proto`, which people read, and what is encoded name the same fields with the same numbers.
#[test]
fn the_document_says_what_is_encoded() {
    let fields = |text: &str, is_field: &dyn Fn(&str) -> Option<String>| -> Vec<String> {
        text.lines().filter_map(|line| is_field(line.trim())).collect()
    };
    let document = fields(include_str!("../link.proto"), &|line| {
        let (declared, number) = line.split(';').next()?.split_once(" = ")?;
        let name = declared.split(' ').next_back()?;
        let plain = number.parse::<u32>().is_ok() && name.chars().all(|it| !it.is_uppercase());
        plain.then(|| format!("{name} {number}"))
    });
    let mut tag = None;
    let mut declared = Vec::new();
    for line in include_str!("../proto.rs").lines().map(str::trim) {
        let number = line.split("tag = \"").nth(1).and_then(|rest| rest.split('"').next());
        if let Some(number) = number {
            tag = Some(number.to_owned());
        } else if let Some(number) = tag.take() {
            let name = line.trim_start_matches("pub(crate) ").split([':', '(']).next().unwrap();
            declared.push(format!("{} {number}", name.to_lowercase()));
        }
    }
    assert_eq!(declared, document);
    assert!(declared.len() > 25, "{declared:?}");
}
