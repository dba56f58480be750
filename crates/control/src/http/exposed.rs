//! What is the same for every kind of resource: showing, listing, changing and deleting.

use axum::Json;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use evenkeel_api::decode::Body;
use evenkeel_api::list::{ListRequest, page};
use evenkeel_api::{
    Deployment, Fault, health_monitor, l7_policy, l7_rule, list, listener, load_balancer, member,
    pool,
};
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::provider::{Capabilities, Demand};
use evenkeel_model::text::SecretRef;
use evenkeel_model::{
    HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, LoadBalancerId, Member, Pool,
    ProjectId, Record, Violation,
};
use evenkeel_store::{Changed, Direction, Edit, Filter, ListQuery, Scope, TagFilter};
use serde_json::Value;
use uuid::Uuid;

use super::call::{Call, id_of};
use super::fault::Refusal;
use super::policy::{Action, Subject, Verb};

/// A resource that the API exposes.
pub(crate) trait Exposed: Changed + Demand {
    /// What its rules are called.
    const SUBJECT: Subject;
    /// What one of them stands under.
    const ROOT: &'static str;
    /// What many of them stand under.
    const COLLECTION: &'static str;
    /// The body of a change.
    type Update: Body + Send + Sync + 'static;

    /// As clients see it.
    fn view(record: &Record<Self>) -> Value;
    /// What it becomes.
    fn apply(
        update: &Self::Update,
        stored: &Self,
        deployment: &Deployment,
    ) -> Result<Self, Violation>;
    /// The secrets that a change names.
    fn secrets(update: &Self::Update) -> Vec<&SecretRef>;
}

macro_rules! exposed {
    ($($resource:ident: $module:ident, $root:literal, $collection:literal, $secrets:expr;)+) => {$(
        impl Exposed for $resource {
            const SUBJECT: Subject = Subject::$resource;
            const ROOT: &'static str = $root;
            const COLLECTION: &'static str = $collection;
            type Update = $module::Update;

            fn view(record: &Record<Self>) -> Value {
                $module::view(record)
            }

            fn apply(
                update: &Self::Update,
                stored: &Self,
                deployment: &Deployment,
            ) -> Result<Self, Violation> {
                update.apply(stored, deployment)
            }

            fn secrets(update: &Self::Update) -> Vec<&SecretRef> {
                let secrets: fn(&Self::Update) -> Vec<&SecretRef> = $secrets;
                secrets(update)
            }
        }
    )+};
}

exposed! {
    LoadBalancer: load_balancer, "loadbalancer", "loadbalancers", |_| Vec::new();
    Listener: listener, "listener", "listeners", listener::Update::secrets;
    Pool: pool, "pool", "pools", pool::Update::secrets;
    Member: member, "member", "members", |_| Vec::new();
    HealthMonitor: health_monitor, "healthmonitor", "healthmonitors", |_| Vec::new();
    L7Policy: l7_policy, "l7policy", "l7policies", |_| Vec::new();
    L7Rule: l7_rule, "rule", "rules", |_| Vec::new();
}

impl Call {
    /// The record with this id, if the caller may do this with it. An unknown one is 404, one of
    /// somebody else's 403, in this order.
    pub(crate) async fn load<T: Exposed>(
        &self,
        id: T::Id,
        verb: Verb,
    ) -> Result<Record<T>, Refusal> {
        let record = self.store().get::<T>(id).await?;
        self.allow(Action(T::SUBJECT, verb), &record.project)?;
        Ok(record)
    }

    /// What the driver of a load balancer can do, and under which name it was asked for.
    async fn provider(&self, id: LoadBalancerId) -> Result<(String, Capabilities), Refusal> {
        let name = self.store().get::<LoadBalancer>(id).await?.value.provider;
        match self.control.config().provider(&name) {
            Some(entry) => Ok((name.to_string(), entry.capabilities)),
            None => Err(Fault::new(501, format!("Provider '{name}' was not found.")).into()),
        }
    }

    /// Whether the driver of a load balancer can do what is asked for: 501 if not.
    pub(crate) async fn demand(
        &self,
        id: LoadBalancerId,
        wanted: &impl Demand,
    ) -> Result<(), Refusal> {
        let (name, capabilities) = self.provider(id).await?;
        let within = wanted.within(&capabilities);
        within.map_err(|unsupported| Fault::unsupported(name, unsupported).into())
    }

    /// The same of a policy, on a listener with this protocol.
    pub(crate) async fn demand_l7(
        &self,
        id: LoadBalancerId,
        protocol: ListenerProtocol,
        policy: &L7Policy,
    ) -> Result<(), Refusal> {
        let (name, capabilities) = self.provider(id).await?;
        let within = policy.within(&capabilities).and_then(|()| capabilities.l7_on(protocol));
        within.map_err(|unsupported| Fault::unsupported(name, unsupported).into())
    }

    /// Shows a record.
    pub(crate) fn shown<T: Exposed>(&self, record: &Record<T>) -> Response {
        self.one(T::ROOT, T::view(record))
    }

    /// Changes a record as the body says, if its driver can do what it becomes. `fits` asks
    /// whatever is to be asked of that besides.
    pub(crate) async fn change<T: Exposed>(
        &self,
        record: &Record<T>,
        update: T::Update,
        fits: impl Fn(&T) -> Result<(), Violation> + Send + Sync + 'static,
    ) -> Result<Response, Refusal> {
        self.only(&[])?;
        let deployment = self.deployment().clone();
        let named: Vec<SecretRef> = T::secrets(&update).into_iter().cloned().collect();
        let edit: Edit<T> = Box::new(move |stored| {
            let wanted = T::apply(&update, stored, &deployment)?;
            fits(&wanted)?;
            Ok(wanted)
        });
        let wanted = edit(&record.value)?;
        self.demand(record.load_balancer, &wanted).await?;
        let (_, mut slots) = wanted.tls().unzip();
        let slots = slots.get_or_insert_default();
        slots.retain(|slot| named.contains(&slot.reference));
        let furnish = self.furnish(&record.project, slots).await?;
        let changed = self.store().update_furnished::<T>(record.value.id(), edit, furnish).await?;
        Ok(self.shown(&changed))
    }

    /// A page of a list.
    pub(crate) async fn page<T: Exposed>(
        &self,
        scope: Scope,
        request: ListRequest,
    ) -> Result<Response, Refusal> {
        let marker = request.marker_id::<Uuid>()?;
        let direction = |direction| match direction {
            list::Direction::Ascending => Direction::Ascending,
            list::Direction::Descending => Direction::Descending,
        };
        let filter = |(column, value): &(String, String)| Filter {
            column: column.clone(),
            value: value.clone(),
        };
        let query = ListQuery {
            filters: request.filters.iter().map(filter).collect(),
            tags: TagFilter {
                all: request.tags.all.clone(),
                any: request.tags.any.clone(),
                not_all: request.tags.not_all.clone(),
                not_any: request.tags.not_any.clone(),
            },
            sort: request
                .sort
                .iter()
                .map(|key| (key.name.clone(), direction(key.direction)))
                .collect(),
            limit: request.limit,
            marker,
            reverse: request.page_reverse,
        };
        let items = self.store().list::<T>(scope, query).await?.items;
        let ids: Vec<String> = items.iter().map(|it| it.value.id().to_string()).collect();
        let links = request.links(&self.origin.collection(), ids.iter().map(String::as_str));
        let views = items.iter().map(|it| request.fields.select(T::view(it))).collect();
        Ok(Json(page(T::COLLECTION, views, links)).into_response())
    }

    /// Whose objects a list may hold (contract 4.1): everybody's, the caller's, or those of the
    /// project that he asks for, if he may.
    pub(crate) fn scope(
        &self,
        subject: Subject,
        wanted: Option<&ProjectId>,
    ) -> Result<Scope, Refusal> {
        if self.allow_any(Action(subject, Verb::GetAllGlobal)).is_ok() {
            return Ok(wanted.cloned().map_or(Scope::All, Scope::Project));
        }
        let own = self.caller.project.as_ref().ok_or_else(Fault::forbidden)?;
        let project = wanted.unwrap_or(own);
        self.allow(Action(subject, Verb::GetAll), project)?;
        Ok(Scope::Project(project.clone()))
    }

    /// Reads what is asked of a list.
    pub(crate) fn list_request<T: Exposed>(&self) -> Result<ListRequest, Refusal> {
        let known: Vec<&str> = self.store().columns::<T>().map(|column| column.name).collect();
        let is_filter = |name: &str| known.contains(&name);
        Ok(ListRequest::parse(&self.query, &is_filter, self.deployment())?)
    }
}

/// Lists those that the caller may see.
pub(crate) async fn list<T: Exposed>(call: Call) -> Result<Response, Refusal> {
    let request = call.list_request::<T>()?;
    let scope = call.scope(T::SUBJECT, request.project.as_ref())?;
    call.page::<T>(scope, request).await
}

/// Shows one.
pub(crate) async fn show<T: Exposed>(
    call: Call,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let record = call.load::<T>(id_of::<T>(&id)?, Verb::GetOne).await?;
    Ok(call.shown(&record))
}

/// Changes one.
pub(crate) async fn update<T: Exposed>(
    call: Call,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let record = call.load::<T>(id_of::<T>(&id)?, Verb::Put).await?;
    call.change(&record, call.body(&bytes)?, |_| Ok(())).await
}

/// Deletes one.
pub(crate) async fn delete<T: Exposed>(
    call: Call,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    call.only(&[])?;
    let record = call.load::<T>(id_of::<T>(&id)?, Verb::Delete).await?;
    call.store().delete::<T>(record.value.id()).await?;
    Ok(StatusCode::NO_CONTENT)
}
