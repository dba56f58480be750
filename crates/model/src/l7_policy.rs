//! L7 policies: what a listener does with the requests that match.

use serde::{Deserialize, Serialize};

use crate::number::Position;
use crate::protocol::words;
use crate::text::{Label, Tags, Url};
use crate::{L7PolicyId, ListenerId, PoolId};

/// What happens to requests for which all rules of the policy hold.
///
/// Policies are asked in the order of their positions; the first that matches decides. One that is
/// disabled, or has no rule, is passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct L7Policy {
    /// Its own id.
    pub id: L7PolicyId,
    /// Whose requests it looks at.
    pub listener: ListenerId,
    /// For people.
    pub name: Label,
    /// For people.
    pub description: Label,
    /// Disabled, it is passed over.
    pub admin_state_up: bool,
    /// What it does.
    pub action: Action,
    /// Its place among the listener's policies, dense from 1.
    pub position: Position,
    /// For people and their tools.
    pub tags: Tags,
}

/// What a policy does with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Action {
    /// Tell the client 403.
    #[serde(rename = "REJECT")]
    Reject,
    /// Send the client to another URL.
    #[serde(rename = "REDIRECT_TO_URL")]
    RedirectToUrl {
        /// Where to.
        url: Url,
        /// With which status.
        code: RedirectCode,
    },
    /// Send the client to the same path below another prefix.
    #[serde(rename = "REDIRECT_PREFIX")]
    RedirectPrefix {
        /// Put before the path.
        prefix: Url,
        /// With which status.
        code: RedirectCode,
    },
    /// Let another pool answer.
    #[serde(rename = "REDIRECT_TO_POOL")]
    RedirectToPool {
        /// Which one: of the same load balancer.
        pool: PoolId,
    },
}

words! {
    /// The word for an action.
    ActionKind {
        /// Tell the client 403.
        Reject = "REJECT",
        /// Send the client to another URL.
        RedirectToUrl = "REDIRECT_TO_URL",
        /// Let another pool answer.
        RedirectToPool = "REDIRECT_TO_POOL",
        /// Send the client below another prefix.
        RedirectPrefix = "REDIRECT_PREFIX",
    }
}

impl Action {
    /// The word for it.
    pub const fn kind(&self) -> ActionKind {
        match self {
            Self::Reject => ActionKind::Reject,
            Self::RedirectToUrl { .. } => ActionKind::RedirectToUrl,
            Self::RedirectPrefix { .. } => ActionKind::RedirectPrefix,
            Self::RedirectToPool { .. } => ActionKind::RedirectToPool,
        }
    }

    /// The pool it sends requests to.
    pub const fn pool(&self) -> Option<PoolId> {
        match self {
            Self::RedirectToPool { pool } => Some(*pool),
            Self::Reject | Self::RedirectToUrl { .. } | Self::RedirectPrefix { .. } => None,
        }
    }
}

/// The status of a redirect: 301, 302, 303, 307 or 308.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum RedirectCode {
    /// 301.
    MovedPermanently,
    /// 302, the default.
    Found,
    /// 303.
    SeeOther,
    /// 307.
    TemporaryRedirect,
    /// 308.
    PermanentRedirect,
}

impl RedirectCode {
    /// The number.
    pub const fn get(self) -> u16 {
        match self {
            Self::MovedPermanently => 301,
            Self::Found => 302,
            Self::SeeOther => 303,
            Self::TemporaryRedirect => 307,
            Self::PermanentRedirect => 308,
        }
    }
}

/// The number is not the status of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Value should be one of: 301, 302, 303, 307, 308")]
pub struct NotARedirect;

impl TryFrom<u16> for RedirectCode {
    type Error = NotARedirect;

    fn try_from(code: u16) -> Result<Self, NotARedirect> {
        match code {
            301 => Ok(Self::MovedPermanently),
            302 => Ok(Self::Found),
            303 => Ok(Self::SeeOther),
            307 => Ok(Self::TemporaryRedirect),
            308 => Ok(Self::PermanentRedirect),
            _ => Err(NotARedirect),
        }
    }
}

impl From<RedirectCode> for u16 {
    fn from(code: RedirectCode) -> u16 {
        code.get()
    }
}
