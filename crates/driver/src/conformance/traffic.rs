//! What clients get, and what is said of members and traffic.

use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_model::observed::{MemberHealth, Observation, Traffic};
use evenkeel_model::{LoadBalancerGraph, MemberId};
use tokio::time::{Instant, interval};

use super::answerer::{Answerer, all_who, who};
use super::{Bench, Node, graph};

/// What the machine may take on top of what is promised.
const SLACK: Duration = Duration::from_secs(10);

/// How many requests show who is in rotation.
const REQUESTS: u64 = 8;

pub(super) async fn check<N: Node>(bench: &Bench<N>, graph: LoadBalancerGraph) {
    let (one, two) = (Answerer::start("one"), Answerer::start("two"));
    let vip = bench.site.sockets_of(&graph.listeners[0], &graph)[0];
    let mut check = Check { bench, graph, vip, one, two, counted: Traffic::default() };
    check.graph.members = Vec::new();
    let pool = check.graph.pools[0].id;
    for (number, member) in (1..).zip([&check.one, &check.two]) {
        check.graph.members.push(graph::member(pool, number, member.socket));
    }
    check.requests_are_balanced().await;
    check.without_a_monitor_the_dead_are_tried_for_ever().await;
    check.weight_0_takes_nothing_new().await;
    check.the_dead_leave_in_time_and_return().await;
    check.totals_rise_whatever_serves().await;
}

/// A load balancer with two members.
struct Check<'a, N: Node> {
    bench: &'a Bench<N>,
    graph: LoadBalancerGraph,
    vip: SocketAddr,
    one: Answerer,
    two: Answerer,
    counted: Traffic,
}

impl<N: Node> Check<'_, N> {
    async fn apply(&mut self) {
        self.graph.generation = self.graph.generation.next();
        let applied = self.bench.apply(&self.graph).await;
        applied.expect("the graph is within its capabilities");
    }

    /// Looks, and sees that no total has fallen.
    async fn observe(&mut self) -> Observation {
        let seen = self.bench.observe().await;
        let listener = self.graph.listeners[0].id;
        let now = seen.traffic.get(&listener).copied().unwrap_or_default();
        let before = self.counted;
        let pairs = [
            (before.bytes_in, now.bytes_in),
            (before.bytes_out, now.bytes_out),
            (before.total_connections, now.total_connections),
            (before.request_errors, now.request_errors),
        ];
        assert!(pairs.iter().all(|(before, now)| before <= now), "{before:?}, then {now:?}");
        self.counted = now;
        seen
    }

    fn members(&self) -> (MemberId, MemberId) {
        (self.graph.members[0].id, self.graph.members[1].id)
    }

    async fn health(&mut self) -> (Option<MemberHealth>, Option<MemberHealth>) {
        let seen = self.observe().await.members;
        let (one, two) = self.members();
        (seen.get(&one).copied(), seen.get(&two).copied())
    }

    /// Waits until the second member is as wanted, and says how long that took.
    async fn until_second_is(&mut self, wanted: MemberHealth, bound: Duration) {
        let begin = Instant::now();
        let mut rounds = interval(Duration::from_millis(50));
        loop {
            rounds.tick().await;
            let (_, second) = self.health().await;
            if second == Some(wanted) {
                return;
            }
            let took = begin.elapsed();
            assert!(took < bound + SLACK, "{second:?} and not {wanted:?} after {took:?}");
        }
    }

    async fn requests_are_balanced(&mut self) {
        self.apply().await;
        let seen = all_who(self.vip, REQUESTS).await;
        let wanted = [("one".to_owned(), REQUESTS / 2), ("two".to_owned(), REQUESTS / 2)];
        assert!(seen.clone().into_iter().eq(wanted), "{seen:?}");
    }

    async fn without_a_monitor_the_dead_are_tried_for_ever(&mut self) {
        self.two.close().await;
        for _ in 0..REQUESTS {
            let answer = who(self.vip).await;
            assert!(matches!(answer.as_deref(), None | Some("one")), "{answer:?}");
        }
        let unmonitored = Some(MemberHealth::Unmonitored);
        assert_eq!(self.health().await, (unmonitored, unmonitored));
        self.two.open();
        let seen = all_who(self.vip, REQUESTS).await;
        assert!(seen.contains_key("two"), "it answers again, and is not tried: {seen:?}");
    }

    async fn weight_0_takes_nothing_new(&mut self) {
        self.graph.members[1].weight = 0.try_into().expect("a weight of ours");
        self.apply().await;
        let seen = all_who(self.vip, REQUESTS).await;
        assert!(seen.into_iter().eq([("one".to_owned(), REQUESTS)]), "weight 0 takes requests");
        self.graph.members[1].weight = 1.try_into().expect("a weight of ours");
        self.apply().await;
        let seen = all_who(self.vip, REQUESTS).await;
        assert!(seen.contains_key("two"), "{seen:?}");
    }

    async fn the_dead_leave_in_time_and_return(&mut self) {
        let Some(monitor) = graph::monitor(self.graph.pools[0].id, &self.bench.driver) else {
            return;
        };
        // delay × (fall + 1) + timeout, and so with rise on the way back.
        let bound = monitor.delay.duration() * 2 + monitor.timeout.duration();
        self.graph.health_monitors.push(monitor);
        self.apply().await;
        self.until_second_is(MemberHealth::Up, bound).await;

        self.two.close().await;
        self.until_second_is(MemberHealth::Down, bound).await;
        let seen = all_who(self.vip, REQUESTS).await;
        assert!(seen.into_iter().eq([("one".to_owned(), REQUESTS)]), "the dead take requests");
        assert_eq!(self.health().await.0, Some(MemberHealth::Up));

        self.two.open();
        self.until_second_is(MemberHealth::Up, bound).await;
        let seen = all_who(self.vip, REQUESTS).await;
        assert!(seen.contains_key("two"), "it is up, and is not tried: {seen:?}");
    }

    /// Another listener, another placement and a crash may each be another process.
    async fn totals_rise_whatever_serves(&mut self) {
        let counted = async |check: &mut Self| {
            check.observe().await;
            let before = check.counted.total_connections;
            all_who(check.vip, REQUESTS).await;
            check.observe().await;
            let more = check.counted.total_connections - before;
            assert!(more >= REQUESTS, "{REQUESTS} requests were {more} connections");
        };
        counted(self).await;
        graph::grow(&mut self.graph);
        self.apply().await;
        counted(self).await;
        self.bench.another_placement_serves_the_same(&self.graph).await;
        counted(self).await;
        self.bench.what_crashes_is_noticed_and_mended(&self.graph).await;
        counted(self).await;
    }
}
