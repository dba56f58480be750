//! What people bring, made by the openssl command, as the vault reads it; and the keys that it keeps.

mod authorities;
mod bundles;
mod hostile;
mod keys;
mod master_keys;
