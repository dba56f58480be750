//! The address by which the system knows a device and what is said on it.
#![expect(unsafe_code, reason = "the system reads it by a pointer")]

use std::ffi::c_int;
use std::ptr;

use rustix::net::addr::{SocketAddrArg, SocketAddrLen, SocketAddrOpaque};

const PACKET: u16 = 17;

/// `struct sockaddr_ll` of packet(7).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkAddress {
    family: u16,
    /// In the order of the network.
    protocol: u16,
    device: c_int,
    hardware: u16,
    kind: u8,
    length: u8,
    address: [u8; 8],
}

impl LinkAddress {
    /// What is of the kind `protocol` on a device.
    pub(super) fn new(device: u32, protocol: u16) -> Self {
        Self {
            family: PACKET,
            protocol: protocol.to_be(),
            device: c_int::try_from(device).unwrap_or_default(),
            hardware: 0,
            kind: 0,
            length: 0,
            address: [0; 8],
        }
    }
}

// SAFETY: the pointer is to a `sockaddr_ll` that lives as long as the call, and the length is its
// size.
unsafe impl SocketAddrArg for LinkAddress {
    unsafe fn with_sockaddr<R>(
        &self,
        f: impl FnOnce(*const SocketAddrOpaque, SocketAddrLen) -> R,
    ) -> R {
        let length = SocketAddrLen::try_from(size_of::<Self>()).expect("it has twenty bytes");
        f(ptr::from_ref(self).cast(), length)
    }
}
