use super::*;
use crate::http::policy::{Subject, Verb};

fn project(name: &str) -> ProjectId {
    ProjectId::new(name).unwrap()
}

fn caller(own: Option<&str>, roles: &[&str]) -> Caller {
    Caller {
        project: own.map(project),
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        ..Caller::default()
    }
}

fn gate(style: RoleStyle) -> Gate {
    Gate::new(&PolicyConfig { style, ..PolicyConfig::default() }).unwrap()
}

fn may(gate: &Gate, who: &Caller, subject: Subject, verb: Verb, of: &str) -> bool {
    gate.allow(who, Action(subject, verb), Some(&project(of))).is_ok()
}

#[test]
fn a_member_writes_in_his_project_and_nowhere_else() {
    let gate = gate(RoleStyle::Default);
    let member = caller(Some("a"), &["member"]);
    assert!(may(&gate, &member, Subject::Listener, Verb::Post, "a"));
    assert!(may(&gate, &member, Subject::Listener, Verb::GetOne, "a"));
    for verb in Verb::ALL {
        assert!(!may(&gate, &member, Subject::Listener, verb, "b"), "{verb:?}");
    }
    assert!(!may(&gate, &member, Subject::LoadBalancer, Verb::PutFailover, "a"));
    assert!(!may(&gate, &member, Subject::Quota, Verb::Put, "a"));
}

#[test]
fn a_reader_reads() {
    let gate = gate(RoleStyle::Default);
    let reader = caller(Some("a"), &["reader"]);
    assert!(may(&gate, &reader, Subject::Pool, Verb::GetOne, "a"));
    assert!(may(&gate, &reader, Subject::Quota, Verb::GetOne, "a"));
    for verb in [Verb::Post, Verb::Put, Verb::Delete, Verb::GetAllGlobal] {
        assert!(!may(&gate, &reader, Subject::Pool, verb, "a"), "{verb:?}");
    }
}

#[test]
fn roles_of_the_other_table_count_for_nothing() {
    let old = caller(Some("a"), &["load-balancer_member"]);
    let new = caller(Some("a"), &["member", "reader"]);
    assert!(!may(&gate(RoleStyle::Default), &old, Subject::Pool, Verb::GetOne, "a"));
    assert!(may(&gate(RoleStyle::Advanced), &old, Subject::Pool, Verb::Post, "a"));
    assert!(!may(&gate(RoleStyle::Advanced), &new, Subject::Pool, Verb::GetOne, "a"));
    let observer = caller(Some("b"), &["load-balancer_global_observer"]);
    assert!(may(&gate(RoleStyle::Advanced), &observer, Subject::Pool, Verb::GetAllGlobal, "a"));
    assert!(!may(&gate(RoleStyle::Advanced), &observer, Subject::Pool, Verb::Put, "a"));
}

#[test]
fn nobody_without_project_or_roles_gets_anywhere() {
    for style in [RoleStyle::Default, RoleStyle::Advanced, RoleStyle::OwnerOrAdmin] {
        let gate = gate(style);
        for who in [caller(None, &[]), caller(None, &["member", "load-balancer_member"])] {
            for subject in Subject::ALL {
                for verb in Verb::ALL {
                    assert!(!may(&gate, &who, subject, verb, "a"), "{subject:?} {verb:?}");
                    assert!(gate.allow(&who, Action(subject, verb), None).is_err());
                }
            }
        }
    }
}

#[test]
fn a_service_lists_members_and_nothing_else() {
    let gate = gate(RoleStyle::Default);
    let service = Caller { service_roles: ["service".to_owned()].into(), ..caller(None, &[]) };
    assert!(may(&gate, &service, Subject::Member, Verb::GetAll, "a"));
    assert!(!may(&gate, &service, Subject::Member, Verb::GetOne, "a"));
}

#[test]
fn even_an_admin_cannot_do_what_does_not_exist() {
    let gate = gate(RoleStyle::Default);
    let admin = Caller { is_admin: true, ..caller(Some("a"), &["admin"]) };
    assert!(!may(&gate, &admin, Subject::Provider, Verb::Delete, "a"));
    assert!(may(&gate, &admin, Subject::Amphora, Verb::PutFailover, "a"));
}

#[test]
fn an_operator_changes_rules_by_their_names_and_typing_errors_are_found() {
    let with = |name: &str, class: &str| {
        let rules = [(name.to_owned(), class.to_owned())].into();
        Gate::new(&PolicyConfig { rules, ..PolicyConfig::default() })
    };
    let member = caller(Some("a"), &["member"]);
    let strict = with("os_load-balancer_api:listener:post", "load-balancer:admin").unwrap();
    assert!(!may(&strict, &member, Subject::Listener, Verb::Post, "a"));
    assert!(with("os_load-balancer_api:listner:post", "load-balancer:admin").is_err());
    assert!(with("os_load-balancer_api:listener:post", "load-balancer:everybody").is_err());
}
