//! `evenkeel dev` as a user meets it.

mod canary;
mod clients;
mod faults;
mod networks;
mod restart;
mod scenario;
mod template;
mod tls;
mod window;
