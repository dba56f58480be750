//! The master keys, their file, and changing them while things are sealed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use evenkeel_model::ProjectId;
use evenkeel_model::tls::Sealed;
use evenkeel_vault::{Context, MasterFileError, MasterKeyId, MasterKeys, Secret};

struct Place {
    directory: tempfile::TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("there is room for a directory");
        let path = directory.path().join("master.keys");
        Self { directory, path }
    }

    fn files(&self) -> usize {
        fs::read_dir(self.directory.path()).expect("the directory is there").count()
    }

    fn staged(&self) -> PathBuf {
        self.path.with_added_extension("new")
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.path).expect("the file is there")
    }
}

fn context() -> Context {
    let project = ProjectId::new("p").expect("p is a project");
    Context::of_object(&project, "secret", uuid::Uuid::from_u128(1))
}

fn secret() -> Secret {
    Secret::new(vec![7; 5000])
}

fn keys(made: Result<MasterKeys, MasterFileError>) -> MasterKeys {
    made.expect("the file is in order")
}

fn fault(made: Result<MasterKeys, MasterFileError>) -> MasterFileError {
    made.err().expect("the file is not in order")
}

fn opens(keys: &MasterKeys, sealed: &Sealed) -> bool {
    keys.open(sealed, &context()).is_ok_and(|opened| opened == secret())
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the file is ours");
}

#[test]
fn a_file_is_made_once_for_its_owner_alone() {
    let place = Place::new();
    let made = keys(MasterKeys::open_or_make(&place.path));
    let text = place.text();
    let again = keys(MasterKeys::open_or_make(&place.path));
    assert_eq!(made.ids(), again.ids());
    assert!(opens(&again, &made.seal(&secret(), &context())));
    assert_eq!(place.text(), text);
    assert_eq!(fs::metadata(&place.path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(place.files(), 1);
}

/// The service may be another user than root, who changes its keys.
#[test]
fn a_file_stays_its_owners_when_a_key_is_changed() {
    let place = Place::new();
    keys(MasterKeys::open_or_make(&place.path));
    let own = fs::metadata(&place.path).unwrap().uid();
    let owner = if own == 0 { 65534 } else { own };
    chown(&place.path, Some(owner), None).expect("the file is ours");
    keys(MasterKeys::rotate(&place.path));
    assert_eq!(fs::metadata(&place.path).unwrap().uid(), owner);
}

/// The name of a key that is in no file.
fn any() -> MasterKeyId {
    MasterKeys::generate().ids()[0]
}

#[test]
fn a_file_that_others_can_read_is_refused_with_the_cure() {
    let place = Place::new();
    keys(MasterKeys::open_or_make(&place.path));
    for mode in [0o640, 0o604, 0o620, 0o644] {
        chmod(&place.path, mode);
        for refused in [
            MasterKeys::open_or_make(&place.path),
            MasterKeys::rotate(&place.path),
            MasterKeys::forget_old(&place.path, any()),
        ] {
            assert!(fault(refused).to_string().contains("chmod 600"));
        }
    }
    chmod(&place.path, 0o400);
    keys(MasterKeys::open_or_make(&place.path));
}

#[test]
fn a_key_is_changed_and_nothing_is_lost_on_the_way() {
    let place = Place::new();
    let old = keys(MasterKeys::open_or_make(&place.path));
    let sealed = old.seal(&secret(), &context());
    assert!(old.is_current(&sealed));

    let both = keys(MasterKeys::rotate(&place.path));
    assert_eq!(both.ids()[1..], old.ids());
    assert!(!both.is_current(&sealed) && opens(&both, &sealed));

    let anew = both.reseal(&sealed).unwrap();
    assert!(both.is_current(&anew) && opens(&both, &anew) && !opens(&old, &anew));
    assert_eq!(both.reseal(&anew), Ok(anew.clone()));

    let left = keys(MasterKeys::forget_old(&place.path, old.ids()[0]));
    assert_eq!(left.ids(), both.ids(), "another key seals already");
    let new = keys(MasterKeys::forget_old(&place.path, both.ids()[0]));
    assert_eq!(new.ids(), both.ids()[..1]);
    assert!(opens(&new, &anew) && !opens(&new, &sealed));
    assert_eq!(keys(MasterKeys::forget_old(&place.path, new.ids()[0])).ids(), new.ids());
    assert_eq!(keys(MasterKeys::open_or_make(&place.path)).ids(), new.ids());
    assert_eq!(place.files(), 1);
}

#[test]
fn sealing_anew_does_not_touch_the_body() {
    let place = Place::new();
    let sealed = keys(MasterKeys::open_or_make(&place.path)).seal(&secret(), &context());
    let anew = keys(MasterKeys::rotate(&place.path)).reseal(&sealed).unwrap();
    let end = sealed.as_str().len() - 6000;
    assert_eq!(sealed.as_str()[end..], anew.as_str()[end..]);
    assert_ne!(sealed.as_str()[..end], anew.as_str()[..end]);
}

#[test]
fn what_is_damaged_or_of_other_keys_is_neither_current_nor_sealed_anew() {
    let own = MasterKeys::generate();
    let sealed = own.seal(&secret(), &context());
    let other = MasterKeys::generate();
    assert!(!other.is_current(&sealed) && other.reseal(&sealed).is_err());
    for text in ["", "AQ==", "no base64", &sealed.as_str()[..40]] {
        let damaged = Sealed::new(text.to_owned());
        assert!(!own.is_current(&damaged), "{text}");
        assert!(own.reseal(&damaged).is_err() && own.open(&damaged, &context()).is_err(), "{text}");
    }
    for at in [0, 4, 20, 60, 100, 3000] {
        let mut bytes = sealed.as_str().as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let damaged = Sealed::new(String::from_utf8(bytes).unwrap());
        assert!(own.open(&damaged, &context()).is_err(), "character {at}");
    }
}

/// A crash leaves what has been done so far: nothing, part of the new file beside the old one, all
/// of it there, or the new file in the place of the old one.
#[test]
fn a_change_that_was_broken_off_anywhere_can_be_made_again() {
    let place = Place::new();
    let old = keys(MasterKeys::open_or_make(&place.path));
    let sealed = old.seal(&secret(), &context());
    let before = place.text();
    keys(MasterKeys::rotate(&place.path));
    let after = place.text();
    for end in (0..=after.len()).step_by(25).chain([after.len()]) {
        fs::write(&place.path, &before).unwrap();
        fs::write(place.staged(), &after[..end]).unwrap();
        chmod(&place.staged(), 0o644);
        assert_eq!(keys(MasterKeys::open_or_make(&place.path)).ids(), old.ids(), "at {end}");
        let rotated = keys(MasterKeys::rotate(&place.path));
        assert!(rotated.ids().len() == 2 && opens(&rotated, &sealed), "at {end}");
        assert_eq!(place.files(), 1, "at {end}");
    }
}

#[test]
fn a_first_file_that_was_broken_off_is_made_again() {
    let place = Place::new();
    fs::write(place.staged(), "evenkeel master k").unwrap();
    let made = keys(MasterKeys::open_or_make(&place.path));
    assert_eq!(keys(MasterKeys::open_or_make(&place.path)).ids(), made.ids());
    assert_eq!(place.files(), 1);
}

#[test]
fn a_change_that_fails_leaves_the_file_as_it_was() {
    let place = Place::new();
    keys(MasterKeys::open_or_make(&place.path));
    let text = place.text();
    fs::create_dir(place.staged()).unwrap();
    let refused = fault(MasterKeys::rotate(&place.path));
    assert!(matches!(refused, MasterFileError::System { .. }), "{refused}");
    assert_eq!(place.text(), text);
}

#[test]
fn a_damaged_file_is_never_replaced() {
    let place = Place::new();
    for text in ["", "evenkeel master keys 1\n", "something else\n"] {
        fs::write(&place.path, text).unwrap();
        chmod(&place.path, 0o600);
        for refused in [
            MasterKeys::open_or_make(&place.path),
            MasterKeys::rotate(&place.path),
            MasterKeys::forget_old(&place.path, any()),
        ] {
            assert!(matches!(fault(refused), MasterFileError::Damaged { .. }));
        }
        assert_eq!(place.text(), text);
    }
}

#[test]
fn a_missing_file_is_made_by_opening_only() {
    let place = Place::new();
    for refused in [MasterKeys::rotate(&place.path), MasterKeys::forget_old(&place.path, any())] {
        assert!(matches!(fault(refused), MasterFileError::Missing { .. }));
    }
    let nowhere = place.directory.path().join("none/master.keys");
    let refused = fault(MasterKeys::open_or_make(&nowhere));
    assert!(matches!(refused, MasterFileError::System { .. }));
    assert_eq!(place.files(), 0);
}

#[test]
fn one_process_changes_the_file_at_a_time() {
    let place = Place::new();
    keys(MasterKeys::open_or_make(&place.path));
    let other = fs::File::open(place.directory.path()).unwrap();
    other.lock().unwrap();
    assert!(matches!(fault(MasterKeys::rotate(&place.path)), MasterFileError::Claimed { .. }));
    keys(MasterKeys::open_or_make(&place.path));
    other.unlock().unwrap();
    keys(MasterKeys::rotate(&place.path));
}

#[test]
fn no_error_tells_a_key() {
    let place = Place::new();
    keys(MasterKeys::open_or_make(&place.path));
    let text = place.text().replace("evenkeel master keys 1\n", "");
    let key = text.lines().last().unwrap().split(' ').next_back().unwrap().to_owned();
    fs::write(&place.path, &text).unwrap();
    let refused = fault(MasterKeys::open_or_make(&place.path));
    assert!(!format!("{refused} {refused:?}").contains(&key));
}
