//! Whole systems, as a user meets them: the real binary, a real HAProxy, real clients.
//!
//! A test starts an [`evenkeel dev`](lab::Lab) of its own, with VIPs of its own, speaks to its API
//! over [`http`], and sends traffic to its VIPs from loopback [`members`](member::Backend).

pub mod api;
pub mod canary;
pub mod eventually;
pub mod graph;
pub mod http;
pub mod lab;
pub mod load;
pub mod member;
pub mod net;
pub mod password;
pub mod python;
pub mod tls;
pub mod world;

pub use eventually::eventually;
pub use lab::Lab;
