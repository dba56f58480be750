//! Every call of the API, as a table (contract 1.2, 5.3).

use serde_json::Value;

use crate::decode::Body;
use crate::{
    availability_zone, availability_zone_profile, flavor, flavor_profile, floating_address,
    health_monitor, l7_policy, l7_rule, listener, load_balancer, member, network, pool, quota,
    subnet,
};

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method of HTTP.
    pub method: Method,
    /// The path, in its canonical spelling; ids stand in braces.
    pub path: &'static str,
    /// What documents and generated clients name it.
    pub operation: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// The rule that guards it; a list that may hold everybody's objects asks `…-global` too.
    pub policy: &'static str,
    /// The status of its success.
    pub success: u16,
    /// What it is told.
    pub request: Option<Request>,
    /// What it answers.
    pub answer: Answer,
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
}

/// The body of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The name of its schema.
    pub name: &'static str,
    /// The key around it.
    pub root: &'static str,
    /// Its schema.
    pub schema: fn() -> Value,
}

/// The body of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// None.
    Nothing,
    /// One object under its root.
    One(&'static str),
    /// The same, with what is in it.
    Whole(&'static str),
    /// A page of objects: their root, and the collection's.
    Page(&'static str, &'static str),
    /// All objects, without links: their root, and the collection's.
    All(&'static str, &'static str),
    /// The same, of which no single fields can be asked for.
    Bare(&'static str, &'static str),
}

const fn request<T: Body>(name: &'static str) -> Request {
    Request { name, root: T::ROOT, schema: T::schema }
}

macro_rules! routes {
    ($(
        $method:ident $path:literal $success:literal $operation:literal $policy:literal
            $([$name:literal $body:ty])? => $answer:expr, $summary:literal;
    )+) => {
        &[$(Route {
            method: Method::$method,
            path: $path,
            operation: $operation,
            summary: $summary,
            policy: concat!("os_load-balancer_api:", $policy),
            success: $success,
            request: routes!(@request $($name $body)?),
            answer: $answer,
        },)+]
    };
    (@request $name:literal $body:ty) => { Some(request::<$body>($name)) };
    (@request) => { None };
}

use Answer::{All, Bare, Nothing, One, Page, Whole};

/// All calls, in the order in which documents list them.
pub const ROUTES: &[Route] = routes! {
    Get "/v2/lbaas/loadbalancers" 200 "load_balancer_list" "loadbalancer:get_all"
        => Page("loadbalancer", "loadbalancers"), "Lists load balancers.";
    Post "/v2/lbaas/loadbalancers" 201 "load_balancer_create" "loadbalancer:post"
        ["LoadBalancerCreate" load_balancer::Create]
        => Whole("loadbalancer"), "Creates a load balancer, alone or with all that is in it.";
    Get "/v2/lbaas/loadbalancers/{loadbalancer_id}" 200 "load_balancer_show"
        "loadbalancer:get_one" => One("loadbalancer"), "Shows a load balancer.";
    Put "/v2/lbaas/loadbalancers/{loadbalancer_id}" 200 "load_balancer_update" "loadbalancer:put"
        ["LoadBalancerUpdate" load_balancer::Update]
        => One("loadbalancer"), "Changes a load balancer.";
    Delete "/v2/lbaas/loadbalancers/{loadbalancer_id}" 204 "load_balancer_delete"
        "loadbalancer:delete" => Nothing, "Deletes a load balancer; with cascade, all that is in it.";
    Get "/v2/lbaas/loadbalancers/{loadbalancer_id}/stats" 200 "load_balancer_stats"
        "loadbalancer:get_stats" => One("stats"), "Shows what has passed a load balancer.";
    Get "/v2/lbaas/loadbalancers/{loadbalancer_id}/status" 200 "load_balancer_status"
        "loadbalancer:get_status" => One("statuses"), "Shows the statuses of all that is in it.";
    Get "/v2/lbaas/loadbalancers/{loadbalancer_id}/statuses" 200 "load_balancer_statuses"
        "loadbalancer:get_status" => One("statuses"), "The same under its older name.";
    Put "/v2/lbaas/loadbalancers/{loadbalancer_id}/failover" 202 "load_balancer_failover"
        "loadbalancer:put_failover" => Nothing, "Places a load balancer again.";

    Get "/v2/lbaas/listeners" 200 "listener_list" "listener:get_all"
        => Page("listener", "listeners"), "Lists listeners.";
    Post "/v2/lbaas/listeners" 201 "listener_create" "listener:post"
        ["ListenerCreate" listener::Create] => One("listener"), "Creates a listener.";
    Get "/v2/lbaas/listeners/{listener_id}" 200 "listener_show" "listener:get_one"
        => One("listener"), "Shows a listener.";
    Put "/v2/lbaas/listeners/{listener_id}" 200 "listener_update" "listener:put"
        ["ListenerUpdate" listener::Update] => One("listener"), "Changes a listener.";
    Delete "/v2/lbaas/listeners/{listener_id}" 204 "listener_delete" "listener:delete"
        => Nothing, "Deletes a listener with its L7 policies.";
    Get "/v2/lbaas/listeners/{listener_id}/stats" 200 "listener_stats" "listener:get_stats"
        => One("stats"), "Shows what has passed a listener.";

    Get "/v2/lbaas/pools" 200 "pool_list" "pool:get_all"
        => Page("pool", "pools"), "Lists pools.";
    Post "/v2/lbaas/pools" 201 "pool_create" "pool:post"
        ["PoolCreate" pool::Create] => One("pool"), "Creates a pool.";
    Get "/v2/lbaas/pools/{pool_id}" 200 "pool_show" "pool:get_one"
        => One("pool"), "Shows a pool.";
    Put "/v2/lbaas/pools/{pool_id}" 200 "pool_update" "pool:put"
        ["PoolUpdate" pool::Update] => One("pool"), "Changes a pool.";
    Delete "/v2/lbaas/pools/{pool_id}" 204 "pool_delete" "pool:delete"
        => Nothing, "Deletes a pool with its members and its monitor.";

    Get "/v2/lbaas/pools/{pool_id}/members" 200 "member_list" "member:get_all"
        => Page("member", "members"), "Lists the members of a pool.";
    Post "/v2/lbaas/pools/{pool_id}/members" 201 "member_create" "member:post"
        ["MemberCreate" member::Create] => One("member"), "Creates a member.";
    Put "/v2/lbaas/pools/{pool_id}/members" 202 "member_batch" "member:put"
        ["MemberBatch" member::Batch]
        => Nothing, "Makes the members of a pool those of the list.";
    Get "/v2/lbaas/pools/{pool_id}/members/{member_id}" 200 "member_show" "member:get_one"
        => One("member"), "Shows a member.";
    Put "/v2/lbaas/pools/{pool_id}/members/{member_id}" 200 "member_update" "member:put"
        ["MemberUpdate" member::Update] => One("member"), "Changes a member.";
    Delete "/v2/lbaas/pools/{pool_id}/members/{member_id}" 204 "member_delete" "member:delete"
        => Nothing, "Deletes a member.";

    Get "/v2/lbaas/healthmonitors" 200 "health_monitor_list" "healthmonitor:get_all"
        => Page("healthmonitor", "healthmonitors"), "Lists health monitors.";
    Post "/v2/lbaas/healthmonitors" 201 "health_monitor_create" "healthmonitor:post"
        ["HealthMonitorCreate" health_monitor::Create]
        => One("healthmonitor"), "Creates the health monitor of a pool.";
    Get "/v2/lbaas/healthmonitors/{healthmonitor_id}" 200 "health_monitor_show"
        "healthmonitor:get_one" => One("healthmonitor"), "Shows a health monitor.";
    Put "/v2/lbaas/healthmonitors/{healthmonitor_id}" 200 "health_monitor_update"
        "healthmonitor:put" ["HealthMonitorUpdate" health_monitor::Update]
        => One("healthmonitor"), "Changes a health monitor.";
    Delete "/v2/lbaas/healthmonitors/{healthmonitor_id}" 204 "health_monitor_delete"
        "healthmonitor:delete" => Nothing, "Deletes a health monitor.";

    Get "/v2/lbaas/l7policies" 200 "l7_policy_list" "l7policy:get_all"
        => Page("l7policy", "l7policies"), "Lists L7 policies.";
    Post "/v2/lbaas/l7policies" 201 "l7_policy_create" "l7policy:post"
        ["L7PolicyCreate" l7_policy::Create] => One("l7policy"), "Creates an L7 policy.";
    Get "/v2/lbaas/l7policies/{l7policy_id}" 200 "l7_policy_show" "l7policy:get_one"
        => One("l7policy"), "Shows an L7 policy.";
    Put "/v2/lbaas/l7policies/{l7policy_id}" 200 "l7_policy_update" "l7policy:put"
        ["L7PolicyUpdate" l7_policy::Update] => One("l7policy"), "Changes an L7 policy.";
    Delete "/v2/lbaas/l7policies/{l7policy_id}" 204 "l7_policy_delete" "l7policy:delete"
        => Nothing, "Deletes an L7 policy with its rules.";

    Get "/v2/lbaas/l7policies/{l7policy_id}/rules" 200 "l7_rule_list" "l7rule:get_all"
        => Page("rule", "rules"), "Lists the rules of an L7 policy.";
    Post "/v2/lbaas/l7policies/{l7policy_id}/rules" 201 "l7_rule_create" "l7rule:post"
        ["L7RuleCreate" l7_rule::Create] => One("rule"), "Creates an L7 rule.";
    Get "/v2/lbaas/l7policies/{l7policy_id}/rules/{rule_id}" 200 "l7_rule_show" "l7rule:get_one"
        => One("rule"), "Shows an L7 rule.";
    Put "/v2/lbaas/l7policies/{l7policy_id}/rules/{rule_id}" 200 "l7_rule_update" "l7rule:put"
        ["L7RuleUpdate" l7_rule::Update] => One("rule"), "Changes an L7 rule.";
    Delete "/v2/lbaas/l7policies/{l7policy_id}/rules/{rule_id}" 204 "l7_rule_delete"
        "l7rule:delete" => Nothing, "Deletes an L7 rule.";

    Get "/v2/lbaas/quotas" 200 "quota_list" "quota:get_all"
        => Page("quota", "quotas"), "Lists the quotas of projects that have their own.";
    Get "/v2/lbaas/quotas/defaults" 200 "quota_defaults" "quota:get_defaults"
        => One("quota"), "Shows the quota of projects that have none of their own.";
    Get "/v2/lbaas/quotas/{project_id}" 200 "quota_show" "quota:get_one"
        => One("quota"), "Shows the quota of a project.";
    Get "/v2/lbaas/quotas/{project_id}/default" 200 "quota_project_default" "quota:get_defaults"
        => One("quota"), "Shows what a project's quota would be without its own.";
    Put "/v2/lbaas/quotas/{project_id}" 202 "quota_update" "quota:put"
        ["QuotaUpdate" quota::Update] => One("quota"), "Sets the quota of a project.";
    Delete "/v2/lbaas/quotas/{project_id}" 202 "quota_reset" "quota:delete"
        => Nothing, "Takes a project's own quota away.";

    Get "/v2/lbaas/providers" 200 "provider_list" "provider:get_all"
        => All("provider", "providers"), "Lists the providers that can be asked for.";
    Get "/v2/lbaas/providers/{provider}/flavor_capabilities" 200 "flavor_capability_list"
        "provider-flavor:get_all" => All("provider", "flavor_capabilities"),
        "Lists what a flavor can ask of a provider.";
    Get "/v2/lbaas/providers/{provider}/availability_zone_capabilities" 200
        "availability_zone_capability_list" "provider-availability-zone:get_all"
        => All("provider", "availability_zone_capabilities"),
        "Lists what an availability zone can ask of a provider.";

    Get "/v2/lbaas/flavors" 200 "flavor_list" "flavor:get_all"
        => Page("flavor", "flavors"), "Lists flavors.";
    Post "/v2/lbaas/flavors" 201 "flavor_create" "flavor:post"
        ["FlavorCreate" flavor::Create] => One("flavor"), "Creates a flavor.";
    Get "/v2/lbaas/flavors/{flavor_id}" 200 "flavor_show" "flavor:get_one"
        => One("flavor"), "Shows a flavor.";
    Put "/v2/lbaas/flavors/{flavor_id}" 200 "flavor_update" "flavor:put"
        ["FlavorUpdate" flavor::Update] => One("flavor"), "Changes a flavor.";
    Delete "/v2/lbaas/flavors/{flavor_id}" 204 "flavor_delete" "flavor:delete"
        => Nothing, "Deletes a flavor that no load balancer has.";

    Get "/v2/lbaas/flavorprofiles" 200 "flavor_profile_list" "flavor-profile:get_all"
        => Page("flavorprofile", "flavorprofiles"), "Lists flavor profiles.";
    Post "/v2/lbaas/flavorprofiles" 201 "flavor_profile_create" "flavor-profile:post"
        ["FlavorProfileCreate" flavor_profile::Create]
        => One("flavorprofile"), "Creates a flavor profile.";
    Get "/v2/lbaas/flavorprofiles/{flavorprofile_id}" 200 "flavor_profile_show"
        "flavor-profile:get_one" => One("flavorprofile"), "Shows a flavor profile.";
    Put "/v2/lbaas/flavorprofiles/{flavorprofile_id}" 200 "flavor_profile_update"
        "flavor-profile:put" ["FlavorProfileUpdate" flavor_profile::Update]
        => One("flavorprofile"), "Changes a flavor profile; one in use can only be renamed.";
    Delete "/v2/lbaas/flavorprofiles/{flavorprofile_id}" 204 "flavor_profile_delete"
        "flavor-profile:delete" => Nothing, "Deletes a flavor profile that no flavor has.";

    Get "/v2/lbaas/availabilityzones" 200 "availability_zone_list" "availability-zone:get_all"
        => Page("availability_zone", "availability_zones"), "Lists availability zones.";
    Post "/v2/lbaas/availabilityzones" 201 "availability_zone_create" "availability-zone:post"
        ["AvailabilityZoneCreate" availability_zone::Create]
        => One("availability_zone"), "Creates an availability zone.";
    Get "/v2/lbaas/availabilityzones/{availability_zone_name}" 200 "availability_zone_show"
        "availability-zone:get_one" => One("availability_zone"), "Shows an availability zone.";
    Put "/v2/lbaas/availabilityzones/{availability_zone_name}" 200 "availability_zone_update"
        "availability-zone:put" ["AvailabilityZoneUpdate" availability_zone::Update]
        => One("availability_zone"), "Changes an availability zone.";
    Delete "/v2/lbaas/availabilityzones/{availability_zone_name}" 204 "availability_zone_delete"
        "availability-zone:delete" => Nothing,
        "Deletes an availability zone that no load balancer has.";

    Get "/v2/lbaas/availabilityzoneprofiles" 200 "availability_zone_profile_list"
        "availability-zone-profile:get_all"
        => Page("availability_zone_profile", "availability_zone_profiles"),
        "Lists availability zone profiles.";
    Post "/v2/lbaas/availabilityzoneprofiles" 201 "availability_zone_profile_create"
        "availability-zone-profile:post"
        ["AvailabilityZoneProfileCreate" availability_zone_profile::Create]
        => One("availability_zone_profile"), "Creates an availability zone profile.";
    Get "/v2/lbaas/availabilityzoneprofiles/{availability_zone_profile_id}" 200
        "availability_zone_profile_show" "availability-zone-profile:get_one"
        => One("availability_zone_profile"), "Shows an availability zone profile.";
    Put "/v2/lbaas/availabilityzoneprofiles/{availability_zone_profile_id}" 200
        "availability_zone_profile_update" "availability-zone-profile:put"
        ["AvailabilityZoneProfileUpdate" availability_zone_profile::Update]
        => One("availability_zone_profile"),
        "Changes an availability zone profile; one in use can only be renamed.";
    Delete "/v2/lbaas/availabilityzoneprofiles/{availability_zone_profile_id}" 204
        "availability_zone_profile_delete" "availability-zone-profile:delete"
        => Nothing, "Deletes an availability zone profile that no zone has.";

    Get "/v2/octavia/amphorae" 200 "amphora_list" "amphora:get_all"
        => Page("amphora", "amphorae"), "Lists the places of load balancers, in Octavia's words.";
    Get "/v2/octavia/amphorae/{amphora_id}" 200 "amphora_show" "amphora:get_one"
        => One("amphora"), "Shows the place of a load balancer.";
    Delete "/v2/octavia/amphorae/{amphora_id}" 204 "amphora_delete" "amphora:delete"
        => Nothing, "Makes a load balancer anew that is in ERROR.";
    Get "/v2/octavia/amphorae/{amphora_id}/stats" 200 "amphora_stats" "amphora:get_stats"
        => All("amphora_stats", "amphora_stats"),
        "Shows what has passed each listener of a load balancer.";
    Put "/v2/octavia/amphorae/{amphora_id}/config" 202 "amphora_configure" "amphora:put_config"
        => Nothing, "Does nothing: an agent has its latest configuration always.";
    Put "/v2/octavia/amphorae/{amphora_id}/failover" 202 "amphora_failover"
        "amphora:put_failover" => Nothing, "Makes a load balancer anew that is ACTIVE.";

    Get "/v2/evenkeel/nodes" 200 "node_list" "evenkeel:get_all"
        => Bare("node", "nodes"), "Lists the nodes that hold load balancers.";
    Get "/v2/evenkeel/placements" 200 "placement_list" "evenkeel:get_all"
        => Bare("placement", "placements"), "Lists which load balancer is on which node.";

    Get "/v2/evenkeel/networks" 200 "network_list" "evenkeel:get_all"
        => Page("network", "networks"), "Lists the networks of our own.";
    Post "/v2/evenkeel/networks" 201 "network_create" "evenkeel:post"
        ["NetworkCreate" network::Create] => One("network"), "Creates a network.";
    Get "/v2/evenkeel/networks/{network_id}" 200 "network_show" "evenkeel:get_one"
        => One("network"), "Shows a network.";
    Put "/v2/evenkeel/networks/{network_id}" 200 "network_update" "evenkeel:put"
        ["NetworkUpdate" network::Update]
        => One("network"), "Changes a network; what is attached to it follows.";
    Delete "/v2/evenkeel/networks/{network_id}" 204 "network_delete" "evenkeel:delete"
        => Nothing, "Deletes a network that has no ports, with its subnets.";

    Get "/v2/evenkeel/subnets" 200 "subnet_list" "evenkeel:get_all"
        => Page("subnet", "subnets"), "Lists the subnets of our networks.";
    Post "/v2/evenkeel/subnets" 201 "subnet_create" "evenkeel:post"
        ["SubnetCreate" subnet::Create] => One("subnet"), "Creates a subnet.";
    Get "/v2/evenkeel/subnets/{subnet_id}" 200 "subnet_show" "evenkeel:get_one"
        => One("subnet"), "Shows a subnet.";
    Put "/v2/evenkeel/subnets/{subnet_id}" 200 "subnet_update" "evenkeel:put"
        ["SubnetUpdate" subnet::Update]
        => One("subnet"), "Changes a subnet; what has an address of it follows.";
    Delete "/v2/evenkeel/subnets/{subnet_id}" 204 "subnet_delete" "evenkeel:delete"
        => Nothing, "Deletes a subnet that no port has an address of.";

    Get "/v2/evenkeel/floating-addresses" 200 "floating_address_list" "evenkeel:get_all"
        => Page("floating_address", "floating_addresses"), "Lists floating addresses.";
    Post "/v2/evenkeel/floating-addresses" 201 "floating_address_create" "evenkeel:post"
        ["FloatingAddressCreate" floating_address::Create]
        => One("floating_address"), "Takes an address of an external network.";
    Get "/v2/evenkeel/floating-addresses/{floating_address_id}" 200 "floating_address_show"
        "evenkeel:get_one" => One("floating_address"), "Shows a floating address.";
    Put "/v2/evenkeel/floating-addresses/{floating_address_id}" 200 "floating_address_update"
        "evenkeel:put" ["FloatingAddressUpdate" floating_address::Update]
        => One("floating_address"), "Lets a floating address stand for another port, or for none.";
    Delete "/v2/evenkeel/floating-addresses/{floating_address_id}" 204 "floating_address_delete"
        "evenkeel:delete" => Nothing, "Gives a floating address back.";
};

impl Method {
    /// Its name in OpenAPI.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Delete => "delete",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_calls_are_one() {
        let calls: BTreeSet<_> = ROUTES.iter().map(|it| (it.path, it.method.word())).collect();
        let operations: BTreeSet<_> = ROUTES.iter().map(|it| it.operation).collect();
        assert_eq!((calls.len(), operations.len()), (ROUTES.len(), ROUTES.len()));
    }

    #[test]
    fn what_changes_something_is_told_what() {
        for route in ROUTES.iter().filter(|it| it.method == Method::Post) {
            assert!(route.request.is_some(), "{}", route.operation);
        }
    }
}
