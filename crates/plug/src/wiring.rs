//! How a device gets into the namespace of a load balancer.

use async_trait::async_trait;
use evenkeel_driver::PlugError;
use evenkeel_model::{Attachment, LoadBalancerId};

/// The device that a wiring has brought into a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wired {
    /// Its name there.
    pub device: String,
    /// Whether frames pass already; announcements before that would be lost.
    pub is_live: bool,
}

/// What is there of a wiring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wires {
    /// Nothing.
    #[default]
    Absent,
    /// Some of it, or another attachment's, or what a restarted switch has forgotten.
    Remains,
    /// All that the attachment wants, seen on both ends.
    Whole(Wired),
}

/// Brings devices into namespaces, and takes them away.
///
/// All calls may be repeated, and may follow a crash at any point of an earlier one. Devices are
/// named after the port's id, made or adopted, deleted or absent. What a stranger made under such a
/// name is refused and never deleted.
#[async_trait]
pub trait Wiring: Send + Sync + std::fmt::Debug {
    /// Brings the device of `attachment` into the namespace called `namespace`, which is there and
    /// ours, with its hardware address and MTU set. Addresses and state are set by the caller.
    ///
    /// # Errors
    ///
    /// See [`PlugError`].
    async fn ensure(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        attachment: &Attachment,
    ) -> Result<Wired, PlugError>;

    /// What is there; without an attachment, whether anything of it is left on the node.
    ///
    /// # Errors
    ///
    /// [`PlugError::Unavailable`]: it could not be found out.
    async fn read(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        attachment: Option<&Attachment>,
    ) -> Result<Wires, PlugError>;

    /// Takes all devices of the load balancer away but those of the `kept` attachments. The
    /// namespace is still there, unless it was lost.
    ///
    /// # Errors
    ///
    /// [`PlugError::Unavailable`]: something is left.
    async fn remove(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        kept: &[Attachment],
    ) -> Result<(), PlugError>;

    /// The load balancers that have anything of this wiring on the node outside of namespaces.
    ///
    /// # Errors
    ///
    /// [`PlugError::Unavailable`]: it could not be found out.
    async fn list(&self) -> Result<Vec<LoadBalancerId>, PlugError>;

    /// As [`Plug::disturbed`](evenkeel_driver::Plug::disturbed).
    async fn disturbed(&self, _load_balancer: LoadBalancerId) {
        std::future::pending::<()>().await;
    }
}
