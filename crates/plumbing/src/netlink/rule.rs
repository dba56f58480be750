//! Rules that choose a table of routes by a packet's mark.

use std::io;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{Netlink, or_there};

/// What carries a mark takes its way from another table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkRule {
    /// Of packets; not 0.
    pub mark: u32,
    /// Of routes.
    pub table: u8,
}

const FAMILIES: [AddressFamily; 2] = [AddressFamily::Inet, AddressFamily::Inet6];

impl Netlink {
    /// Whether both families have the rule.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn has_mark_rule(&self, rule: MarkRule) -> io::Result<bool> {
        for family in FAMILIES {
            let mut request = RuleMessage::default();
            request.header.family = family;
            let found = self.list(RouteNetlinkMessage::GetRule(request))?;
            if !found.iter().any(|it| is(it, rule)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds the rule for both families; also if it is there.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn add_mark_rule(&self, rule: MarkRule) -> io::Result<()> {
        for family in FAMILIES {
            let mut message = RuleMessage::default();
            message.header.family = family;
            message.header.table = rule.table;
            message.header.action = RuleAction::ToTable;
            message.attributes.push(RuleAttribute::FwMark(rule.mark));
            let request = RouteNetlinkMessage::NewRule(message);
            or_there(self.change("add rule", request, NLM_F_CREATE | NLM_F_EXCL))?;
        }
        Ok(())
    }
}

fn is(message: &RouteNetlinkMessage, rule: MarkRule) -> bool {
    let RouteNetlinkMessage::NewRule(message) = message else { return false };
    message.header.table == rule.table
        && message.attributes.contains(&RuleAttribute::FwMark(rule.mark))
}
