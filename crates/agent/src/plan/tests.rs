use super::*;

const SERVED: [Served; 4] = [
    Served::Absent,
    Served::Remains,
    Served::Serving(Generation::new(6)),
    Served::Serving(Generation::new(7)),
];
const PLACES: [Place; 3] = [Place::Absent, Place::Remains, Place::Ready];
const EPOCHS: [Option<Epoch>; 3] = [None, Some(Epoch::new(2)), Some(Epoch::new(3))];

/// Generation 7 under epoch 3.
fn wanted(has_work: bool) -> Desired {
    Desired { generation: Generation::new(7), epoch: Epoch::new(3), has_work }
}

fn all_desired() -> [Option<Desired>; 3] {
    [None, Some(wanted(false)), Some(wanted(true))]
}

fn serving(generation: u64) -> Actual {
    Actual {
        directory: true,
        place: Place::Ready,
        served: Served::Serving(Generation::new(generation)),
        epoch: Some(Epoch::new(3)),
    }
}

fn all_actual() -> Vec<Actual> {
    let mut all = Vec::new();
    for directory in [false, true] {
        for place in PLACES {
            for served in SERVED {
                for epoch in EPOCHS {
                    let epoch = epoch.filter(|_| directory);
                    all.push(Actual { directory, place, served, epoch });
                }
            }
        }
    }
    all
}

/// What a step does to a node when it goes well.
fn take(node: &mut Actual, step: Step, desired: Option<Desired>) {
    match step {
        Step::RemoveDriver => node.served = Served::Absent,
        Step::Unplug => node.place = Place::Absent,
        Step::RemoveDirectory => (node.directory, node.epoch) = (false, None),
        Step::MakeDirectory => node.directory = true,
        Step::Plug => node.place = Place::Ready,
        Step::ApplyDriver => {
            let desired = desired.expect("nothing is applied that is not desired");
            node.served = Served::Serving(desired.generation);
            node.epoch = Some(desired.epoch);
        }
    }
}

/// What may be there after a crash within a step.
fn break_within(node: &Actual, step: Step, desired: Option<Desired>) -> Vec<Actual> {
    let mut whole = *node;
    take(&mut whole, step, desired);
    let mut half = *node;
    match step {
        Step::Unplug | Step::Plug => half.place = Place::Remains,
        Step::RemoveDirectory | Step::MakeDirectory => {}
        Step::RemoveDriver | Step::ApplyDriver => half.served = Served::Remains,
    }
    // Applied, but not noted.
    let unnoted = Actual { epoch: node.epoch, ..whole };
    vec![*node, half, unnoted, whole]
}

fn take_all(node: &mut Actual, desired: Option<Desired>) {
    for step in plan(desired, node) {
        take(node, step, desired);
    }
}

#[test]
fn a_load_balancer_without_work_has_nothing_on_the_node() {
    assert_eq!(plan(Some(wanted(false)), &Actual::default()), []);
    assert_eq!(
        plan(Some(wanted(false)), &serving(6)),
        [Step::RemoveDriver, Step::Unplug, Step::RemoveDirectory],
    );
}

#[test]
fn a_new_load_balancer_is_built_from_the_inside_out() {
    assert_eq!(
        plan(Some(wanted(true)), &Actual::default()),
        [Step::MakeDirectory, Step::Plug, Step::ApplyDriver],
    );
}

#[test]
fn what_serves_the_right_graph_is_left_alone() {
    assert_eq!(plan(Some(wanted(true)), &serving(7)), []);
    assert_eq!(plan(Some(wanted(true)), &serving(6)), [Step::ApplyDriver]);
}

#[test]
fn a_new_placement_on_the_same_node_is_applied_again() {
    let earlier = Actual { epoch: Some(Epoch::new(2)), ..serving(7) };
    assert_eq!(plan(Some(wanted(true)), &earlier), [Step::ApplyDriver]);
}

#[test]
fn what_hangs_is_applied_again_without_taking_the_vip_away() {
    let hung = Actual { served: Served::Remains, ..serving(7) };
    assert_eq!(plan(Some(wanted(true)), &hung), [Step::ApplyDriver]);
    assert_eq!(plan(None, &hung)[0], Step::RemoveDriver);
}

#[test]
fn a_vip_that_vanished_is_brought_again_and_served_anew() {
    let unplugged = Actual { place: Place::Absent, ..serving(7) };
    assert_eq!(
        plan(Some(wanted(true)), &unplugged),
        [Step::RemoveDriver, Step::Plug, Step::ApplyDriver],
    );
    let damaged = Actual { place: Place::Remains, ..serving(7) };
    assert_eq!(plan(Some(wanted(true)), &damaged), [Step::Plug, Step::ApplyDriver]);
}

#[test]
fn every_plan_is_complete_and_only_does_what_it_must() {
    for desired in all_desired() {
        for start in all_actual() {
            let mut node = start;
            take_all(&mut node, desired);
            assert_eq!(plan(desired, &node), [], "{desired:?} {start:?}");
            let up = desired.is_some_and(|desired| desired.has_work);
            assert_eq!(node, if up { serving(7) } else { Actual::default() }, "{start:?}");
        }
    }
}

#[test]
fn nothing_is_on_a_node_that_its_directory_does_not_tell_of() {
    for desired in all_desired() {
        for start in all_actual() {
            // Without a directory nothing can have been made.
            let holds = |node: &Actual| {
                node.directory || (node.place == Place::Absent && node.served == Served::Absent)
            };
            let mut node = start;
            if !holds(&node) {
                continue;
            }
            for step in plan(desired, &start) {
                take(&mut node, step, desired);
                assert!(holds(&node), "{desired:?} {start:?} after {step:?}");
            }
        }
    }
}

#[test]
fn any_interrupted_plan_is_finished_by_the_next_one() {
    for desired in all_desired() {
        for start in all_actual() {
            let mut node = start;
            for step in plan(desired, &start) {
                for broken in break_within(&node, step, desired) {
                    for next in all_desired() {
                        let mut rest = broken;
                        take_all(&mut rest, next);
                        assert_eq!(plan(next, &rest), [], "{start:?} broken in {step:?}");
                    }
                }
                take(&mut node, step, desired);
            }
        }
    }
}
