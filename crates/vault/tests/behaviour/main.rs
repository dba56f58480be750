//! What people bring, made by the openssl command, as the vault reads it.

mod authorities;
mod bundles;
mod keys;
