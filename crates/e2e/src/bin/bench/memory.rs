//! What load balancers cost in memory.

use evenkeel_e2e::lab::{Lab, Plan, text};
use evenkeel_e2e::member::Backend;
use serde_json::json;

use crate::figures::Row;
use crate::proxy::memory;

/// More than one VIP each, and none of another lab's.
const VIPS: &str = "127.94.0.0/16";

/// Of 1, 10 and 100 load balancers, each with a listener, a pool and a member.
pub(crate) async fn of_load_balancers() -> anyhow::Result<Vec<Row>> {
    let lab =
        Lab::with(Plan { keep: true, vips: Some(VIPS.to_owned()), ..Plan::default() }).await?;
    let member = Backend::start("one").await?;
    let socket = member.socket();
    let empty = memory(lab.pid()?, "Rss")?;
    let (mut rows, mut made) = (Vec::new(), 0_u32);
    for count in [1_u32, 10, 100] {
        let mut last = String::new();
        for number in made..count {
            let tree = json!({"loadbalancer": {
                "name": format!("bench-{number}"), "vip_subnet_id": lab.vip_subnet().await?,
                "listeners": [{
                    "name": "http", "protocol": "HTTP", "protocol_port": 8080,
                    "default_pool": {
                        "name": "app", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                        "members": [{"address": socket.ip(), "protocol_port": socket.port()}],
                    },
                }],
            }});
            last = text(&lab.create("/loadbalancers", tree).await?, "id")?;
            lab.until_active(&last).await?;
        }
        made = count;
        lab.until_active(&last).await?;
        let haproxies = lab.haproxies()?;
        let sum = |line: &str| -> anyhow::Result<f64> {
            let each = haproxies.iter().map(|pid| memory(*pid, line));
            Ok(each.collect::<anyhow::Result<Vec<f64>>>()?.iter().sum())
        };
        let each = |kilobytes: f64| kilobytes / 1024.0 / f64::from(count);
        let (pss, rss, service) = (sum("Pss")?, sum("Rss")?, memory(lab.pid()?, "Rss")?);
        rows.push(Row {
            what: format!("memory per load balancer, {count} of them"),
            aim: "(none)".to_owned(),
            measured: format!("HAProxy {:.1} MB of its own", each(pss)),
            compared: format!(
                "{:.1} MB resident with what processes share; the service {:.0} MB, {:.0} MB when \
                 empty",
                each(rss),
                service / 1024.0,
                empty / 1024.0
            ),
            met: true,
        });
    }
    Ok(rows)
}
