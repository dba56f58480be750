//! Work that the kernel leaves to a network device.

use std::io;

use rustix::fd::AsFd;
use rustix::ioctl::{Opcode, Updater, ioctl};
use rustix::net::{AddressFamily, SocketType, socket};

use crate::change::change;

/// Asks a driver, as ethtool does (`linux/sockios.h`, `linux/ethtool.h`).
const SIOCETHTOOL: Opcode = 0x8946;
const GET_TRANSMIT_CHECKSUMS: u32 = 0x16;
const SET_TRANSMIT_CHECKSUMS: u32 = 0x17;

/// A question to a driver: `struct ethtool_value`.
#[repr(C)]
struct Question {
    command: u32,
    value: u32,
}

/// Whom it is for: `struct ifreq`, of which the kernel copies all 40 bytes.
#[repr(C)]
struct Request {
    device: [u8; 16],
    question: *mut Question,
    rest: [u8; 16],
}

/// Sees to it that the kernel finishes the checksums of all that leaves by a device of this
/// thread's namespace, rather than leaving them to whoever is at the other end.
///
/// # Errors
///
/// The system's: there is no such device.
pub fn finish_checksums(device: &str) -> io::Result<()> {
    if are_checksums_finished(device)? {
        return Ok(());
    }
    change("finish checksums")?;
    ask(device, SET_TRANSMIT_CHECKSUMS, 0)?;
    Ok(())
}

/// Whether it does so.
///
/// # Errors
///
/// The system's: there is no such device.
pub fn are_checksums_finished(device: &str) -> io::Result<bool> {
    Ok(ask(device, GET_TRANSMIT_CHECKSUMS, 0)? == 0)
}

fn ask(device: &str, command: u32, value: u32) -> io::Result<u32> {
    let mut question = Question { command, value };
    let mut request = Request { device: [0; 16], question: &raw mut question, rest: [0; 16] };
    if device.len() >= request.device.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    request.device[..device.len()].copy_from_slice(device.as_bytes());
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    send(&socket, &mut request)?;
    Ok(question.value)
}

#[expect(unsafe_code, reason = "the kernel reads and writes through a pointer")]
fn send(socket: impl AsFd, request: &mut Request) -> io::Result<()> {
    // SAFETY: SIOCETHTOOL takes a `struct ifreq` of 40 bytes, as `Request` is on machines of 64
    // bits, whose pointer leads to the question of the caller, which lives on; both of its commands
    // read and write a `struct ethtool_value` and no more.
    unsafe { ioctl(socket, Updater::<SIOCETHTOOL, Request>::new(request)) }?;
    Ok(())
}
