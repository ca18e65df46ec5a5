//! What a device can do, and the limits of a small one.

use sora_director::gpu::caps::{EIGHTS, EightsParams, LOW, Limits};
use sora_director::gpu::{AdapterChoice, Gpu, GpuError, Tier, groups_1d};

use crate::common::gpu;
use crate::common::parity::Case;

#[test]
fn eights_are_as_its_twin_says_where_the_device_has_them() {
    let gpu = gpu();
    let sizes = gpu.summary().subgroup_sizes;
    match gpu.tier().expect("tier") {
        // A device with enough lanes whose order is another is possible; none of Mesa's software drivers is one.
        Tier::Plain => {
            let software = gpu.summary().kind == "software";
            assert!(
                !software || sizes[0] < 8 || !gpu.summary().subgroups,
                "{sizes:?}"
            );
            eprintln!("skipped: subgroups of {sizes:?} lanes");
        }
        Tier::Eight => {
            assert!(sizes[0] >= 8, "{sizes:?}");
            for n in [1, 31, 32, 33, 500] {
                let params = EightsParams {
                    n,
                    ..Default::default()
                };
                let case = Case::new(&EIGHTS, params).output::<u32>(n as usize);
                let found = case.run(groups_1d(n as usize, 32)).get::<u32>(0);
                assert_eq!(found, vec![1; n as usize]);
            }
        }
    }
    // Where it was said, nothing is asked.
    assert_eq!(gpu.at_tier(Tier::Plain).tier().expect("tier"), Tier::Plain);
}

#[test]
fn a_device_within_low_limits_has_no_more_than_they_say() {
    let low = Gpu::open_within(&AdapterChoice::Auto, Limits::Low(LOW)).expect("a device");
    assert_eq!(low.tier().expect("tier"), Tier::Plain);
    let caps = low.caps();
    assert_eq!((caps.binding, caps.shared_memory), (16 << 20, false));
    assert_eq!(caps.most::<[f32; 4]>(), 1 << 20);
    assert!(low.alloc::<u32>(4 << 20).is_ok());
    let error = low.alloc::<u32>((4 << 20) + 1).expect_err("too large");
    let words = error.to_string();
    assert!(
        words.contains("16777220 bytes")
            && words.contains("over the limit of --limits low of 16777216"),
        "{words}"
    );
    match error {
        GpuError::TooLarge { bytes, limit, .. } => {
            assert_eq!((bytes, limit), (16777220, 16 << 20))
        }
        other => panic!("{other:?}"),
    }
    let error = "tiny".parse::<Limits>().expect_err("no such limits");
    assert!(error.contains("adapter, low"), "{error}");
}

#[test]
fn lanes_are_as_many_as_were_asked_for() {
    let Ok(wanted) = std::env::var("DIRECTOR_TEST_LANES") else {
        eprintln!("skipped: DIRECTOR_TEST_LANES is not set; scripts/widths sets it");
        return;
    };
    let lanes: u32 = wanted.parse().expect("a number");
    assert_eq!(gpu().summary().subgroup_sizes, [lanes, lanes]);
    let tier = if lanes < 8 { Tier::Plain } else { Tier::Eight };
    assert_eq!(gpu().tier().expect("tier"), tier);
}
