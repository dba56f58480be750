//! What a fresh machine lacks, installed only when it is lacking.

mod debian;
mod nextest;
mod python;

/// What `evenkeel dev` needs to run.
pub(crate) fn for_running() -> anyhow::Result<()> {
    debian::install(&[debian::HAPROXY])
}

/// What the tests need on top of that.
pub(crate) fn for_testing() -> anyhow::Result<()> {
    debian::install(&[
        debian::HAPROXY,
        debian::POSTGRESQL,
        debian::CURL,
        debian::OPENSSL,
        debian::COMPILER,
        debian::PYTHON,
        debian::OPEN_VSWITCH,
        debian::NFTABLES,
        debian::IPROUTE,
        debian::TCPDUMP,
    ])?;
    nextest::install()?;
    python::install()
}

/// What the benchmarks need on top of that.
pub(crate) fn for_measuring() -> anyhow::Result<()> {
    for_testing()?;
    debian::install(&[debian::WRK])
}
