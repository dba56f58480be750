//! What is made so, on one node: session, ledger, plan, keeper.
