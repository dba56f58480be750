//! How far a change has come, and how traffic fares.

use crate::protocol::words;

words! {
    /// How far the last change of an object has come.
    ///
    /// Never stored: it is a comparison of the generation that changed the object with the one that
    /// its agent serves.
    ProvisioningStatus {
        /// As it was asked for.
        Active = "ACTIVE",
        /// Its creation is on its way.
        PendingCreate = "PENDING_CREATE",
        /// A change is on its way.
        PendingUpdate = "PENDING_UPDATE",
        /// Its removal is on its way.
        PendingDelete = "PENDING_DELETE",
        /// The change was refused, or is late; see the reason.
        Error = "ERROR",
        /// Gone.
        Deleted = "DELETED",
    }

    /// How traffic fares, in Octavia's words.
    OperatingStatus {
        /// Serving.
        Online = "ONLINE",
        /// Disabled, or not serving yet.
        Offline = "OFFLINE",
        /// Serving, with less than all of it.
        Degraded = "DEGRADED",
        /// Down.
        Error = "ERROR",
        /// Finishing what it has.
        Draining = "DRAINING",
        /// Trusted, because nobody probes it.
        NoMonitor = "NO_MONITOR",
    }

    /// What the last accepted change of an object was.
    Change {
        /// It was created, and has not been served since.
        Create = "CREATE",
        /// It was changed.
        Update = "UPDATE",
        /// It shall go.
        Delete = "DELETE",
    }
}

impl Change {
    /// The status until the change is served.
    pub const fn pending(self) -> ProvisioningStatus {
        match self {
            Self::Create => ProvisioningStatus::PendingCreate,
            Self::Update => ProvisioningStatus::PendingUpdate,
            Self::Delete => ProvisioningStatus::PendingDelete,
        }
    }
}
