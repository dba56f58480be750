//! The provisioning status: never stored, always this comparison.

/// The provisioning status of row `r` of load balancer `l`.
///
/// What changed in a generation that serves is as it was asked for; what changed in one that was
/// refused, or is late, is in error; all else is on its way.
pub(crate) const PROVISIONING: &str = "CASE \
    WHEN r.changed_generation <= l.served_generation THEN 'ACTIVE' \
    WHEN r.changed_generation <= l.failed_generation THEN 'ERROR' \
    ELSE 'PENDING_' || r.change END";

/// Why row `r` is in error; null if it is not.
pub(crate) const REASON: &str = "CASE \
    WHEN r.changed_generation <= l.served_generation THEN NULL \
    WHEN r.changed_generation <= l.failed_generation THEN l.failed_reason \
    ELSE NULL END";
