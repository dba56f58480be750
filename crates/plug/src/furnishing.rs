//! Makes a wired device a VIP: with addresses that nobody else has, and routes.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use evenkeel_driver::PlugError;
use evenkeel_model::Attachment;
use evenkeel_model::network::MacAddress;
use evenkeel_plumbing::{Namespace, Speaker};
use tokio::time::{Instant, interval};

use crate::interior::{Interior, Role, Settled};
use crate::trouble::{kernel, off_runtime, unavailable};
use crate::wiring::Wired;

/// How long the kernel may take to find out whether somebody else has an IPv6 address, and how
/// often it is asked.
const SETTLE: Duration = Duration::from_secs(5);
const ASK: Duration = Duration::from_millis(20);

/// Brings addresses and routes into a namespace; gives back who can speak for them. Others on the
/// network have `patience` to say that they have one; none asks nobody.
pub(crate) async fn furnish(
    namespace: &Namespace,
    wired: &Wired,
    attachment: &Attachment,
    role: Role,
    patience: Duration,
) -> Result<Speaker, PlugError> {
    let (inside, wired, wanted) = (namespace.clone(), wired.clone(), attachment.clone());
    off_runtime(move || {
        let failed = || kernel("set up the addresses of the VIP");
        let interior = Interior::open(&inside, &wired.device, role).map_err(failed())?;
        let interior = interior.ok_or_else(|| failed()(io::ErrorKind::NotFound.into()))?;
        interior.switch_on().map_err(failed())?;
        let speaker = interior.speaker().map_err(failed())?;
        // Where frames do not pass yet nobody could answer, and who makes them pass knows who has
        // an address.
        if wired.is_live
            && let Some((address, mac)) =
                interior.rival(&speaker, &wanted, patience).map_err(failed())?
        {
            return Err(taken(address.into(), Some(mac)));
        }
        interior.furnish(&wanted).map_err(failed())?;
        Ok(speaker)
    })
    .await
}

/// Waits until the addresses can be used.
pub(crate) async fn until_settled(
    namespace: &Namespace,
    device: &str,
    role: Role,
) -> Result<(), PlugError> {
    let deadline = Instant::now() + SETTLE;
    let mut asking = interval(ASK);
    loop {
        asking.tick().await;
        let (inside, device) = (namespace.clone(), device.to_owned());
        let settled = off_runtime(move || settled(&inside, &device, role)).await?;
        match settled {
            Settled::Yes => return Ok(()),
            Settled::Taken(address) => return Err(taken(address, None)),
            Settled::NotYet if Instant::now() < deadline => {}
            Settled::NotYet => {
                return Err(unavailable(
                    "the kernel does not find out whether the VIP is free",
                    "it is tried again; the operator sees to it that the node's network is up",
                    None,
                ));
            }
        }
    }
}

fn settled(inside: &Namespace, device: &str, role: Role) -> Result<Settled, PlugError> {
    let look = || {
        let interior = Interior::open(inside, device, role)?.ok_or(io::ErrorKind::NotFound)?;
        let settled = interior.settled()?;
        if let Settled::Taken(address) = settled {
            interior.give_up(address)?;
        }
        Ok(settled)
    };
    look().map_err(kernel("look at the addresses of the VIP"))
}

fn taken(address: IpAddr, owner: Option<MacAddress>) -> PlugError {
    let owner = owner.map(|mac| format!(", at {mac}")).unwrap_or_default();
    unavailable(
        format!("the address {address} is used by somebody else on its network{owner}"),
        "the operator finds out who, or the tenant takes another address",
        None,
    )
}
