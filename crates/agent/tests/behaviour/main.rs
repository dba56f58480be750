//! An agent through its public face: a link to a small control plane on one side, a driver and a
//! plug that serve nothing on the other, and a clock that stands still.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod durable;
#[cfg(test)]
mod failing;
#[cfg(test)]
mod life;
#[cfg(test)]
mod many;
#[cfg(test)]
mod node;
#[cfg(test)]
mod observing;
#[cfg(test)]
mod races;
#[cfg(test)]
mod repeatable;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod world;
