//! `evenkeel server` and `evenkeel agent` as two processes, as an operator meets them.

mod life;
mod operator;
mod pair;
mod postgres;
mod refused;
mod stranger;
mod supervisor;
