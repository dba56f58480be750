//! What was seen of a load balancer, and whether it is worth saying.

use std::time::Duration;

use tokio::time::Instant;

use evenkeel_model::observed::Observation;
use evenkeel_wire::Observed;

/// What was last said of one load balancer.
///
/// A change of health is said at once, mere traffic now and then.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    /// What was heard last, whether or not it was said.
    last: Option<Observed>,
    said: Option<(Instant, Observed)>,
}

impl Witness {
    /// Hears what was seen, and whether it is to be said: the next is compared with it then.
    pub(crate) fn hear(&mut self, mut seen: Observed, now: Instant, traffic: Duration) -> bool {
        if let Some(last) = self.last.take().filter(|last| last.epoch == seen.epoch) {
            count_on(&last.observation, &mut seen.observation);
        }
        self.last = Some(seen.clone());
        let speaks = match &self.said {
            None => true,
            Some((_, said)) if said.epoch != seen.epoch => true,
            Some((at, said)) => {
                let (said, seen) = (&said.observation, &seen.observation);
                !same_but_for_traffic(said, seen)
                    || (said.traffic != seen.traffic && now - *at >= traffic)
            }
        };
        if speaks {
            self.said = Some((now, seen));
        }
        speaks
    }

    /// What was last said.
    pub(crate) fn said(&self) -> Option<&Observed> {
        self.said.as_ref().map(|(_, said)| said)
    }
}

/// What ended is not counted any more, and what was counted last may not have been said yet: it is
/// said with the end.
fn count_on(last: &Observation, seen: &mut Observation) {
    if seen.traffic.is_empty() {
        let ended = last.traffic.iter().map(|(listener, counted)| (*listener, counted.idle()));
        (seen.series, seen.traffic) = (last.series.or(seen.series), ended.collect());
    }
}

fn same_but_for_traffic(one: &Observation, other: &Observation) -> bool {
    // Spelt out, so that a new field has to be thought of.
    let Observation { served, listeners, pools, members, traffic: _, series, sockets } = one;
    *served == other.served
        && *listeners == other.listeners
        && *pools == other.pools
        && *members == other.members
        && *series == other.series
        && *sockets == other.sockets
}

#[cfg(test)]
mod tests {
    use evenkeel_model::observed::{MemberHealth, Served, Traffic};
    use evenkeel_model::{Epoch, Generation, ListenerId, LoadBalancerId, MemberId};
    use uuid::Uuid;

    use super::*;

    fn observed(observation: &Observation) -> Observed {
        Observed {
            load_balancer: LoadBalancerId::new(Uuid::from_u128(1)),
            epoch: Epoch::new(1),
            observation: observation.clone(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn health_is_said_at_once_and_traffic_now_and_then() {
        let start = Instant::now();
        let mut witness = Witness::default();
        let mut hear = |seconds, seen: &Observation| {
            let now = start + Duration::from_secs(seconds);
            witness.hear(observed(seen), now, Duration::from_secs(5))
        };
        let mut seen = Observation::default();
        assert!(hear(0, &seen));
        assert!(!hear(100, &seen));

        let member = MemberId::new(Uuid::from_u128(1));
        seen.members.insert(member, MemberHealth::Down);
        assert!(hear(101, &seen));

        let listener = ListenerId::new(Uuid::from_u128(2));
        let traffic = Traffic { bytes_in: 1, ..Traffic::default() };
        seen.traffic.insert(listener, traffic);
        assert!(!hear(102, &seen));
        assert!(hear(106, &seen));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_said_with_what_was_counted_last() {
        let start = Instant::now();
        let mut witness = Witness::default();
        let mut hear = |epoch, seen: &Observation| {
            let seen = Observed { epoch: Epoch::new(epoch), ..observed(seen) };
            witness
                .hear(seen, start, Duration::from_secs(5))
                .then(|| witness.said().unwrap().observation.clone())
        };
        let listener = ListenerId::new(Uuid::from_u128(2));
        let counted = |bytes_in| Traffic { bytes_in, active_connections: 1, ..Traffic::default() };
        let mut seen = Observation {
            served: Served::Serving(Generation::new(1)),
            series: Some(Uuid::from_u128(3).into()),
            traffic: [(listener, counted(1))].into(),
            ..Observation::default()
        };
        assert!(hear(1, &seen).is_some());
        seen.traffic.insert(listener, counted(2));
        assert_eq!(hear(1, &seen), None, "it may wait");
        let end = hear(1, &Observation::default()).unwrap();
        assert_eq!(end.traffic[&listener], counted(2).idle());
        assert_eq!((end.series, end.served), (seen.series, Served::Absent));
        assert_eq!(hear(1, &Observation::default()), None, "once is enough");
        let elsewhere = hear(2, &Observation::default()).unwrap();
        assert_eq!(elsewhere, Observation::default());
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_placement_is_told_everything() {
        let mut witness = Witness::default();
        let mut seen = observed(&Observation::default());
        let gap = Duration::from_secs(5);
        assert!(witness.hear(seen.clone(), Instant::now(), gap));
        seen.epoch = Epoch::new(2);
        assert!(witness.hear(seen, Instant::now(), gap));
    }
}
