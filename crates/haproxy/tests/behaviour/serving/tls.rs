//! TLS, seen from outside: by openssl, by curl, and by members.

mod client;
mod clients;
mod listeners;
mod members;
mod replacing;
mod secrets;
mod ways;
