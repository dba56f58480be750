//! What shall be: HTTP handlers, scheduler, background tasks, agent sessions.
