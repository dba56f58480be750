//! A line of commands for HAProxy's runtime socket, and what is made of the answer.

/// What a line may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Only ask. HAProxy sees to it too.
    Ask,
    /// Whatever HAProxy can, even what the agent will undo.
    Change,
}

/// One line of commands, separated by semicolons, that may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    text: String,
    rights: Rights,
}

/// Why a line may not be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// There is nothing in it, or something that no command has.
    #[error("a command is a line of words, without control characters and backslashes")]
    NoCommand,
    /// It changes the running process.
    #[error(
        "`{0}` may change the running HAProxy: the agent does not know of it, and undoes it with \
         its next reload; with --force it is sent all the same"
    )]
    Changes(String),
    /// It can show keys.
    #[error("`{0}` is not passed on, as it can show keys")]
    Shows(String),
}

/// What commands begin with that only ask.
const ASKING: [&str; 3] = ["show", "get", "help"];

/// What commands begin with that can show keys, or the memory they are in.
const REVEALING: [&[&str]; 3] = [&["debug"], &["expert-mode"], &["show", "tls-keys"]];

impl Line {
    /// These words as a line.
    ///
    /// # Errors
    ///
    /// [`Forbidden`].
    pub fn new(words: &[String], rights: Rights) -> Result<Self, Forbidden> {
        let text = words.join(" ").trim().to_owned();
        // HAProxy takes a backslash away, so that no word would be what it looks like.
        if text.is_empty() || text.chars().any(|c| c.is_control() || c == '\\') {
            return Err(Forbidden::NoCommand);
        }
        for command in text.split(';') {
            let words: Vec<&str> = command.split_whitespace().collect();
            let shown = || words.join(" ");
            if REVEALING.iter().any(|it| words.starts_with(it)) {
                return Err(Forbidden::Shows(shown()));
            }
            let asks = words.first().is_none_or(|first| ASKING.contains(first));
            if rights == Rights::Ask && !asks {
                return Err(Forbidden::Changes(shown()));
            }
        }
        Ok(Self { text, rights })
    }

    /// With what makes HAProxy say how it means its answers, and with no more rights than needed.
    pub(super) fn as_sent(&self) -> String {
        let rights = match self.rights {
            Rights::Ask => "operator; ",
            Rights::Change => "",
        };
        format!("set severity-output number; {rights}{}", self.text)
    }

    /// What was refused, with the cure if more rights are one.
    pub(super) fn explained(&self, said: String) -> String {
        if self.rights == Rights::Ask && said.contains("Permission denied") {
            format!("{said} (--force sends it with all rights)")
        } else {
            said
        }
    }
}

/// The severity of an error; those of warnings and news are higher.
const ERROR: u8 = 3;

/// The answer without its severities: an error if HAProxy says that any of it is one.
pub(super) fn read(answer: &str) -> Result<String, String> {
    let (mut text, mut refused) = (String::new(), false);
    for line in answer.trim_matches('\n').lines() {
        let (severity, said) = severity(line);
        let is_unknown = severity.is_some() && said.starts_with("Unknown command");
        refused |= is_unknown || severity.is_some_and(|severity| severity <= ERROR);
        text.push_str(said);
        text.push('\n');
    }
    if refused { Err(text.trim().to_owned()) } else { Ok(text) }
}

/// What HAProxy puts before its messages, as in `[3]: No such server.`
fn severity(line: &str) -> (Option<u8>, &str) {
    let parts = line.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    let parts = parts.and_then(|(number, said)| Some((number.parse().ok()?, said)));
    parts.map_or((None, line), |(severity, said)| (Some(severity), said))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, rights: Rights) -> Result<Line, Forbidden> {
        Line::new(&[text.to_owned()], rights)
    }

    #[test]
    fn who_only_asks_needs_no_force() {
        for text in ["show stat", " show info;show sess ", "get weight a/b", "help", "show info; "]
        {
            let line = line(text, Rights::Ask).unwrap();
            assert!(line.as_sent().contains("operator; "), "{text}");
        }
        let changing =
            ["set server a/b weight 5", "show info; disable server a/b", "clear table a"];
        for text in changing {
            assert!(matches!(line(text, Rights::Ask), Err(Forbidden::Changes(_))), "{text}");
            assert!(!line(text, Rights::Change).unwrap().as_sent().contains("operator"), "{text}");
        }
    }

    #[test]
    fn what_can_show_keys_is_never_sent() {
        let all =
            ["show tls-keys", "show  tls-keys *", "show info;debug dev memory 0", "expert-mode on"];
        for text in all {
            let shows = |rights| matches!(line(text, rights), Err(Forbidden::Shows(_)));
            assert!(shows(Rights::Ask) && shows(Rights::Change), "{text}");
        }
        for text in [r"show tls\-keys", "show info\nshow tls-keys", "", " "] {
            assert_eq!(line(text, Rights::Change), Err(Forbidden::NoCommand), "{text}");
        }
    }

    #[test]
    fn haproxy_says_itself_whether_it_refuses() {
        assert_eq!(read("\n\nName: HAProxy\nPid: 4\n\n"), Ok("Name: HAProxy\nPid: 4\n".to_owned()));
        assert_eq!(
            read("\n[6]: New server registered.\n"),
            Ok("New server registered.\n".to_owned())
        );
        assert_eq!(read("\n\n[3]: Permission denied\n\n"), Err("Permission denied".to_owned()));
        let unknown = read("\n\n[6]: Unknown command, but maybe:\n  show fd\n");
        assert_eq!(unknown, Err("Unknown command, but maybe:\n  show fd".to_owned()));
        assert_eq!(read("[x]: y\n"), Ok("[x]: y\n".to_owned()));
    }
}
