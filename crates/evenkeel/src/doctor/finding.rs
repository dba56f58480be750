//! What a doctor says: one finding for each thing that a node needs.

/// How it stands with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// It is there.
    Ok,
    /// The node serves without it, but less well, or something is to be looked at.
    Warning,
    /// It could not be seen from here.
    Unseen,
    /// The node cannot serve.
    Missing,
}

impl State {
    /// The word for people and programs.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unseen => "unseen",
            Self::Missing => "missing",
        }
    }
}

/// One thing, and how it stands with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The same in all versions; `docs/doctor.md` lists them.
    pub(crate) code: &'static str,
    /// What it is about, in a few words.
    pub(crate) about: &'static str,
    /// How it stands.
    pub(crate) state: State,
    /// What was seen.
    pub(crate) seen: String,
    /// What helps: a command or a sentence. Empty if nothing has to be done.
    pub(crate) cure: String,
}

/// How something ended that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trial {
    /// It works.
    Works,
    /// It does not, for this reason.
    Fails(String),
    /// It could not be tried, for this reason.
    Untried(String),
}

/// A thing with its code, before anything is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thing(pub(crate) &'static str, pub(crate) &'static str);

impl Thing {
    pub(crate) fn ok(self, seen: impl Into<String>) -> Finding {
        self.with(State::Ok, seen, "")
    }

    pub(crate) fn warning(self, seen: impl Into<String>, cure: impl Into<String>) -> Finding {
        self.with(State::Warning, seen, cure)
    }

    pub(crate) fn missing(self, seen: impl Into<String>, cure: impl Into<String>) -> Finding {
        self.with(State::Missing, seen, cure)
    }

    pub(crate) fn unseen(self, why: impl Into<String>) -> Finding {
        self.with(State::Unseen, why, "ask again as root: sudo evenkeel doctor")
    }

    /// Missing if the trial failed.
    pub(crate) fn tried(self, trial: &Trial, cure: &str) -> Finding {
        match trial {
            Trial::Works => self.ok("works"),
            Trial::Fails(why) => self.missing(why, cure),
            Trial::Untried(why) => self.unseen(why),
        }
    }

    fn with(self, state: State, seen: impl Into<String>, cure: impl Into<String>) -> Finding {
        let Self(code, about) = self;
        Finding { code, about, state, seen: seen.into(), cure: cure.into() }
    }
}
