//! Small stand-ins of Keystone and Neutron for evenkeel dev.
