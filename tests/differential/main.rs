//! The same tokens through `jwt_authn` and the filter in one Envoy; `cargo differential` does it with a hundred thousand.

use envoy_test::differential::{Classes, run};
use envoy_test::workspace;

#[test]
fn no_token_is_accepted_that_jwt_authn_refuses_and_every_other_difference_has_its_reason() {
    let tally = run(10_000, 2);
    let classes = Classes::read(&workspace().join("tests/differential/classes.yaml"));
    let complaints = tally.complaints(&classes, false);
    assert!(complaints.is_empty(), "{tally}\n- {}", complaints.join("\n- "));
    // That these were tokens to differ about: without the list there is plenty to complain of.
    let unlisted = tally.complaints(&Classes::default(), false);
    assert!(unlisted.len() > 20, "{tally}\n- {}", unlisted.join("\n- "));
}
