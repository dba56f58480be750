//! The contract's texts (1.5, 1.8, 2, 3.5, 3.7 to 3.9).

use evenkeel_api::decode::{MAX_DEPTH, from_bytes};
use evenkeel_api::{health_monitor, l7_policy, l7_rule, listener, member, pool};
use evenkeel_model::{
    HealthMonitorId, L7PolicyId, L7RuleId, ListenerId, LoadBalancerId, MemberId, PoolId, Violation,
};
use serde_json::{Value, json};

use crate::{decode, defaults, id, told};

fn listener(mut with: Value) -> Value {
    let body = json!({"loadbalancer_id": id(1), "protocol": "HTTP", "protocol_port": 80});
    let with = with.as_object_mut().map(std::mem::take).unwrap_or_default();
    let mut body = json!({"listener": body});
    body["listener"].as_object_mut().unwrap().extend(with);
    body
}

fn refused<T>(made: Result<T, Violation>) -> String {
    made.err().expect("refused").to_string()
}

fn listener_refused(with: Value) -> String {
    let create: listener::Create = decode(&listener(with)).unwrap();
    refused(create.into_listener(ListenerId::new(id(2)), &defaults()))
}

#[test]
fn the_whole_body_is_judged_first() {
    let send = |bytes: &[u8], kind| {
        let fault = from_bytes::<listener::Create>(bytes, kind).unwrap_err();
        (fault.status(), fault.message().to_owned())
    };
    let json = Some("application/json; charset=utf-8");
    let told = |status, text: &str| (status, text.to_owned());
    assert_eq!(send(b"", json), told(400, "Missing argument: \"listener_\""));
    assert_eq!(send(b" \n", None), told(400, "Missing argument: \"listener_\""));
    assert_eq!(send(b"{}", json), told(400, "Missing argument: \"listener_\""));
    assert_eq!(send(b"{", json), told(400, "Request is not in valid JSON format"));
    assert_eq!(send(b"[]", json), told(400, "Request is not in valid JSON format"));
    assert_eq!(send(b"<a/>", Some("text/xml")), told(415, "Unknown mimetype: text/xml"));
    assert_eq!(send(b"a=b&c=d", None), told(400, "Unknown argument: \"a\""));
    assert_eq!(
        send(br#"{"listener": {}, "extra": 1}"#, json),
        told(400, "Unknown attribute for argument listener_: extra")
    );
    assert_eq!(
        send(br#"{"listener": null}"#, json),
        told(
            400,
            "Invalid input for field/attribute listener. Value: 'None'. Mandatory field missing."
        )
    );
}

#[test]
fn nesting_and_nul_characters_have_bounds() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let within = |depth| format!(r#"{{"listener": {{"name": {}}}}}"#, nested(depth));
    let told = |body: String| {
        let json = Some("application/json");
        from_bytes::<listener::Update>(body.as_bytes(), json).unwrap_err().message().to_owned()
    };
    assert!(told(within(MAX_DEPTH - 2)).contains("Value should be string"));
    for depth in [MAX_DEPTH - 1, MAX_DEPTH, 127, 200, 100_000] {
        assert_eq!(told(within(depth)), "Request is not in valid JSON format", "{depth}");
    }
    assert!(told(r#"{"listener": {"name": "a\u0000b"}}"#.to_owned()).contains("NUL"));
    assert!(told(r#"{"listener": {"a\u0000b": 1}}"#.to_owned()).contains("NUL"));
}

#[test]
fn fields_are_judged_one_by_one() {
    let invalid = |field: &str, value: &str, reason: &str| {
        format!("Invalid input for field/attribute {field}. Value: '{value}'. {reason}")
    };
    let case = |with: Value, text: String| {
        assert_eq!(told::<listener::Create>(&listener(with)), text);
    };
    case(
        json!({"protocol_port": 0}),
        invalid("protocol_port", "0", "Value should be greater or equal to 1"),
    );
    case(
        json!({"protocol_port": "65536"}),
        invalid("protocol_port", "65536", "Value should be lower or equal to 65535"),
    );
    case(json!({"name": 5}), invalid("name", "5", "Value should be string"));
    case(
        json!({"description": "x".repeat(256)}),
        invalid(
            "description",
            &"x".repeat(256),
            "Value should have a maximum character requirement of 255",
        ),
    );
    case(
        json!({"protocol": "FTP"}),
        invalid(
            "protocol",
            "FTP",
            "Value should be one of: TCP, HTTP, HTTPS, TERMINATED_HTTPS, UDP, SCTP, PROMETHEUS",
        ),
    );
    case(
        json!({"loadbalancer_id": "x"}),
        invalid("loadbalancer_id", "x", "Value should be UUID format"),
    );
    case(
        json!({"allowed_cidrs": ["10.0.0.0/33"]}),
        invalid("allowed_cidrs", "10.0.0.0/33", "Value should be IPv4 or IPv6 CIDR format"),
    );
    case(
        json!({"allowed_cidrs": "10.0.0.0/8"}),
        invalid("allowed_cidrs", "10.0.0.0/8", "Value not a valid list: 10.0.0.0/8"),
    );
    case(
        json!({"insert_headers": {"X-Forwarded-For": true}}),
        invalid("X-Forwarded-For", "True", "Value should be string"),
    );
    case(
        json!({"alpn_protocols": ["h3"]}),
        invalid("alpn_protocols", "h3", "Value should be a valid ALPN protocol ID"),
    );
    case(
        json!({"tls_versions": ["TLSv2"]}),
        "Validation failure: Invalid TLS versions: TLSv2".to_owned(),
    );
    case(json!({"id": id(9)}), "Unknown attribute for argument listener_.listener: id".to_owned());
    let told = told::<listener::Create>(&json!({"listener": {"protocol": "HTTP"}}));
    assert_eq!(told, invalid("loadbalancer_id", "None", "Mandatory field missing."));
}

#[test]
fn an_ambiguous_flag_names_the_argument_and_the_body() {
    let told = told::<listener::Update>(&json!({"listener": {"admin_state_up": "maybe"}}));
    assert_eq!(
        told,
        "Invalid input for field/attribute listener_. Value: '{'listener': {'admin_state_up': \
         'maybe'}}'. Value not an unambiguous boolean: maybe"
    );
}

#[test]
fn listeners_keep_the_rules_of_tls_and_headers() {
    for (with, text) in [
        (
            json!({"protocol": "TERMINATED_HTTPS"}),
            "Validation failure: An SNI or default certificate container reference must be \
             provided for TERMINATED_HTTPS protocol listeners.",
        ),
        (
            json!({"default_tls_container_ref": "x"}),
            "Validation failure: Certificate container references are not allowed on HTTP \
             protocol listeners.",
        ),
        (
            json!({"client_authentication": "MANDATORY"}),
            "Validation failure: Client authentication setting MANDATORY requires a client CA \
             container reference.",
        ),
        (
            json!({"protocol": "UDP", "sni_container_refs": ["x"]}),
            "Validation failure: UDP protocol listener does not support TLS.",
        ),
        (
            json!({"protocol": "TCP", "insert_headers": {"X-Forwarded-For": "true"}}),
            "insert-headers is not a valid option for a TCP protocol listener.",
        ),
        (
            json!({"insert_headers": {"X-Bad": "true", "X-Worse": "true"}}),
            "['X-Bad', 'X-Worse'] is not a valid option for insert_headers",
        ),
        (
            json!({"insert_headers": {"X-SSL-Client-DN": "true"}}),
            "['X-SSL-Client-DN'] is not a valid option for HTTP protocol listener.",
        ),
        (
            json!({"hsts_preload": true}),
            "Validation failure: HSTS configuration options hsts_include_subdomains and \
             hsts_preload only make sense if hsts_max_age is set as well.",
        ),
        (
            json!({"hsts_max_age": 5}),
            "Validation failure: The HSTS feature can only be used for listeners using the \
             TERMINATED_HTTPS protocol.",
        ),
        (
            json!({"client_authentication": null}),
            "None is not a valid option for client_authentication",
        ),
    ] {
        assert_eq!(listener_refused(with), text);
    }
}

#[test]
fn what_is_switched_off_is_said() {
    let mut deployment = defaults();
    deployment.allow_prometheus_listeners = false;
    let create: listener::Create = decode(&listener(json!({"protocol": "PROMETHEUS"}))).unwrap();
    assert_eq!(
        refused(create.into_listener(ListenerId::new(id(2)), &deployment)),
        "The selected protocol is not allowed in this deployment: PROMETHEUS"
    );
}

fn pool(protocol: &str, persistence: &Value) -> Value {
    json!({"pool": {
        "loadbalancer_id": id(1), "protocol": protocol, "lb_algorithm": "ROUND_ROBIN",
        "session_persistence": persistence,
    }})
}

#[test]
fn pools_keep_the_rules_of_persistence() {
    for (protocol, persistence, text) in [
        (
            "HTTP",
            json!({"type": "SOURCE_IP", "cookie_name": "c"}),
            "Field \"cookie_name\" can only be specified with session persistence of type \
             \"APP_COOKIE\".",
        ),
        (
            "HTTP",
            json!({"type": "APP_COOKIE"}),
            "Field \"cookie_name\" must be specified when using the \"APP_COOKIE\" session \
             persistence type.",
        ),
        (
            "HTTP",
            json!({"type": "SOURCE_IP", "persistence_timeout": 5}),
            "persistence_timeout and persistence_granularity is only for UDP and SCTP protocol \
             pools.",
        ),
        (
            "UDP",
            json!({"type": "HTTP_COOKIE"}),
            "Session persistence of type HTTP_COOKIE is not supported for UDP/SCTP protocol pools.",
        ),
        (
            "SCTP",
            json!({"type": "APP_COOKIE", "cookie_name": "c"}),
            "Cookie names are not supported for UDP/SCTP pools.",
        ),
    ] {
        let create: pool::Create = decode(&pool(protocol, &persistence)).unwrap();
        let made = create.into_pool(PoolId::new(id(2)), LoadBalancerId::new(id(1)), &defaults());
        assert_eq!(refused(made), format!("Validation failure: {text}"));
    }
    assert_eq!(
        told::<pool::Create>(&pool("HTTP", &json!({"type": "APP_COOKIE", "cookie_name": "a(b"}))),
        "Validation failure: Supplied \"cookie_name\" is invalid."
    );
    let parentless = json!({"pool": {"protocol": "HTTP", "lb_algorithm": "SOURCE_IP"}});
    let create: pool::Create = decode(&parentless).unwrap();
    assert_eq!(
        refused(create.parent()),
        "Validation failure: Must provide at least one of: loadbalancer_id, listener_id"
    );
}

fn monitor_refused(with: Value) -> String {
    let mut body = json!({"pool_id": id(1), "delay": 5, "timeout": 3, "max_retries": 2});
    for (key, value) in with.as_object().unwrap() {
        body[key] = value.clone();
    }
    let create: health_monitor::Create = decode(&json!({"healthmonitor": body})).unwrap();
    refused(create.into_health_monitor(HealthMonitorId::new(id(2)), &defaults()))
}

#[test]
fn monitors_keep_the_rules_of_their_type() {
    for (with, text) in [
        (
            json!({"type": "TCP", "http_method": "GET"}),
            "http_method is not a valid option for health monitors of type TCP",
        ),
        (
            json!({"type": "HTTP", "domain_name": "a.example"}),
            "Validation failure: 'http_version' must be specified when 'domain_name' is provided.",
        ),
        (
            json!({"type": "HTTP", "domain_name": "a.example", "http_version": 1.0}),
            "http_version 1.0 is not a valid option for health monitors HTTP 1.1 domain name \
             health check",
        ),
        (
            json!({"type": "UDP-CONNECT", "delay": 2}),
            "Validation failure: The request delay value 2 should be larger than 3 for \
             UDP-CONNECT health monitor type.",
        ),
        (json!({"type": "HTTP", "delay": null}), "None is not a valid option for delay"),
        (
            json!({"type": "HTTP", "max_retries": null}),
            "None is not a valid option for max_retries",
        ),
    ] {
        assert_eq!(monitor_refused(with), text);
    }
}

#[test]
fn monitors_fit_their_pools() {
    use evenkeel_model::health_monitor::ProbeKind;
    use evenkeel_model::protocol::PoolProtocol;
    let check = health_monitor::check_pool;
    assert_eq!(
        refused(check(ProbeKind::Ping, PoolProtocol::Udp)),
        "Validation failure: The associated pool protocol is UDP, so only a \
         UDP-CONNECT/SCTP/TCP/HTTP health monitor is supported."
    );
    assert_eq!(
        refused(check(ProbeKind::UdpConnect, PoolProtocol::Http)),
        "Validation failure: The UDP-CONNECT type is only supported for pools of type UDP/SCTP."
    );
    assert!(check(ProbeKind::Http, PoolProtocol::Sctp).is_ok());
    assert!(check(ProbeKind::Ping, PoolProtocol::Http).is_ok());
}

#[test]
fn members_are_where_tenants_may_point() {
    let member = |address: &str| -> Result<_, Violation> {
        let body = json!({"member": {"address": address, "protocol_port": "81"}});
        let create: member::Create = decode(&body).unwrap();
        create.into_member(MemberId::new(id(2)), PoolId::new(id(1)), &defaults())
    };
    assert_eq!(
        refused(member("169.254.169.254")),
        "169.254.169.254 is not a valid option for member address"
    );
    assert_eq!(
        refused(member("::ffff:127.0.0.1")),
        "::ffff:127.0.0.1 is not a valid option for member address"
    );
    let made = member("2001:db8:0:0:0:0:0:1").unwrap();
    assert_eq!(made.address.spelling(), "2001:db8:0:0:0:0:0:1");
    assert_eq!(made.protocol_port.get(), 81);
}

#[test]
fn policies_need_what_their_action_does() {
    let policy = |with: Value| {
        let mut body = json!({"listener_id": id(1)});
        for (key, value) in with.as_object().unwrap() {
            body[key] = value.clone();
        }
        let create: l7_policy::Create = decode(&json!({"l7policy": body})).unwrap();
        create.into_l7_policy(L7PolicyId::new(id(2)), &defaults())
    };
    for (action, text) in [
        ("REDIRECT_TO_URL", "redirect_url must not be None"),
        ("REDIRECT_PREFIX", "redirect_prefix must not be None"),
        ("REDIRECT_TO_POOL", "redirect_pool_id or redirect_pool must not be None"),
    ] {
        let text = format!("Invalid L7 Policy arguments: {text}");
        assert_eq!(refused(policy(json!({"action": action}))), text);
    }
    let made = policy(json!({"action": "REJECT", "redirect_url": "http://a/"})).unwrap();
    assert_eq!(made.action, evenkeel_model::l7_policy::Action::Reject);
}

#[test]
fn a_regular_expression_is_one_and_cheap() {
    let rule = |value: &str| {
        let body = json!({"rule": {"type": "PATH", "compare_type": "REGEX", "value": value}});
        let create: l7_rule::Create = decode(&body).unwrap();
        create.into_l7_rule(L7RuleId::new(id(1)), L7PolicyId::new(id(2)), &defaults())
    };
    for value in ["^/api/v[0-9]+/", r"\.(png|jpe?g)$", "(?i)admin", r"\w+"] {
        assert!(rule(value).is_ok(), "{value}");
    }
    for (value, cause) in [
        ("(", "unclosed group"),
        ("[a", "unclosed character class"),
        ("*", "repetition operator missing expression"),
        (r"(a)\1", "backreferences are not supported"),
        (
            "^/(a|aa)+$",
            "a repetition within a repetition, or of alternatives that begin alike, is too \
             expensive",
        ),
        (r"(?u)\pL+", "Unicode classes are not supported"),
        ("a(?=b)", "look-around, including look-ahead and look-behind, is not supported"),
    ] {
        let text = format!("Error parsing L7Rule: Unable to parse regular expression: {cause}");
        assert_eq!(refused(rule(value)), text);
    }
    assert!(rule(&"(".repeat(40)).is_err());
    let nested = format!("{}a{}", "(".repeat(40), ")".repeat(40));
    assert!(refused(rule(&nested)).contains("nest"));
    let stored = rule("a").unwrap();
    let update: l7_rule::Update = decode(&json!({"rule": {"value": "("}})).unwrap();
    assert!(refused(update.apply(&stored, &defaults())).ends_with("unclosed group"));
}
