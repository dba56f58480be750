//! What clients say: Octavia v2 bodies, faults, lists and views.
