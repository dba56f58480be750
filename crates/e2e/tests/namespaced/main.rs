//! Real networks, in network, mount and process namespaces of each test's own. They need root.

mod switches;
