//! World files: whole, damaged, cut, of other versions.

use sora_director::camera::LengthUnit;
use sora_director::world::bricks::MOST;
use sora_director::world::{Voxel, World};

use crate::common::Rng;

/// A world file of the first version, with its checksum: runs of a state and a length.
pub fn first_version(dims: [u32; 3], runs: &[u8]) -> Vec<u8> {
    let mut old = b"SDVX".to_vec();
    old.extend(1u32.to_le_bytes());
    [-1.0f32, 0.0, 1.0, 0.5]
        .iter()
        .for_each(|x| old.extend(x.to_le_bytes()));
    dims.iter().for_each(|n| old.extend(n.to_le_bytes()));
    old.extend(0.25f32.to_le_bytes());
    old.extend([1, 2, 0, 0]);
    old.extend(6u32.to_le_bytes());
    old.extend(b"[\"hi\"]");
    old.extend(runs);
    let sum = old.iter().fold(0xcbf2_9ce4_8422_2325u64, |h, &b| {
        (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)
    });
    old.extend(sum.to_le_bytes());
    old
}

#[test]
fn no_grid_is_made_that_indices_do_not_hold() {
    // Products beyond 32 and beyond 64 bits, and sides that count though another is 0.
    for dims in [
        [4096; 3],
        [1 << 16, 1 << 15, 2],
        [u32::MAX; 3],
        [0, u32::MAX, u32::MAX],
    ] {
        let mut world = World::empty([0.0; 3], 0.1, dims);
        assert_eq!((world.dims, world.len()), ([0; 3], 0), "{dims:?}");
        assert_eq!(world.bricks().bytes(), 0);
        world.set([1; 3], Voxel::Solid);
        world.fill(0, [Voxel::Solid; 9]);
        assert_eq!((world.at([1; 3]), world.counts()), (Voxel::Unknown, [0; 3]));
        assert!(world.is_empty());
        let error = World::from_bytes(&world.to_bytes()).expect_err("no voxels");
        assert!(error.contains("claims 0 x 0 x 0 voxels"), "{error}");
    }
    // The largest that there is, by a side: 2^31 voxels are 2^25 bricks.
    let world = World::empty([0.0; 3], 0.1, [2048, 1024, 1024]);
    assert_eq!(world.len() as u64, MOST);
    assert_eq!(world.counts(), [MOST as usize, 0, 0]);
}

#[test]
fn files_that_claim_more_than_they_hold_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("huge.vox");
    let said = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("write");
        let error = World::load(&path).expect_err("no world").to_string();
        assert!(error.contains("huge.vox"), "{error}");
        assert!(error.contains("build the world again"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    };
    for dims in [[4096; 3], [u32::MAX; 3], [0, 4, 4]] {
        let error = said(&first_version(dims, &[0, 60]));
        let [x, y, z] = dims;
        let claim = format!("claims {x} x {y} x {z} voxels, and worlds of 1 to 2147483648");
        assert!(error.contains(&claim), "{error}");
    }
    // Sizes that can be, of which the last would take 4.6 GiB: what is not there is told before anything is made.
    for dims in [[2048, 1024, 1024], [1 << 31, 1, 1]] {
        let error = said(&first_version(dims, &[0, 60]));
        assert!(error.contains("holds 60 of 2147483648 voxels"), "{error}");
    }
    // Of this version, as cut short of what its head claims, and as long as its head claims.
    let mut bytes = World::empty([0.0; 3], 0.1, [8; 3]).to_bytes();
    let dims = 40;
    for side in 0..3 {
        let at = dims + 4 * side;
        bytes[at..at + 4].copy_from_slice(&4096u32.to_le_bytes());
    }
    assert!(said(&bytes).contains("damaged"));
    bytes[16..24].copy_from_slice(&(1u64 << 33).to_le_bytes());
    assert!(said(&bytes).contains("cut short"));
}

#[test]
fn world_files_are_checked() {
    let mut world = World::empty([-1.0, -0.5, 2.0], 0.25, [5, 4, 3]);
    world.fill(0, (0..60).map(|i| Voxel::of(i / 7 % 3)));
    (world.floor_found, world.unit) = (true, LengthUnit::CameraHeights);
    world.notes = vec!["a note".to_owned()];
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("world.vox");
    world.save(&path).expect("save");
    assert_eq!(World::load(&path).expect("load"), world);
    let bytes = world.to_bytes();
    for cut in 0..bytes.len() {
        let error = World::from_bytes(&bytes[..cut]).expect_err("cut");
        assert!(error.contains("cut short"), "{cut}: {error}");
    }
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 0x41;
        assert!(World::from_bytes(&bad).is_err(), "byte {at}");
    }
    // Whole files of other sizes, opened in place: what is set is set in memory only.
    for dims in [[1, 1, 1], [64, 16, 4], [33, 70, 5]] {
        let mut world = World::empty([0.0; 3], 1.0, dims);
        let mut rng = Rng(3);
        world.fill(0, (0..world.len()).map(|i| Voxel::of((i / 9 % 2) as u32)));
        for _ in 0..60 {
            let at = world.coordinates(rng.u32() as usize % world.len());
            world.set(at, Voxel::of(rng.u32() % 3));
        }
        world.save(&path).expect("save");
        let mut open = World::load(&path).expect("load");
        assert_eq!(open, world);
        assert_eq!(World::from_bytes(&world.to_bytes()).expect("read"), world);
        assert_eq!(
            open.to_bytes(),
            world.to_bytes(),
            "the same world, the same bytes"
        );
        let kept = open.clone();
        for i in 0..world.len() {
            open.set(world.coordinates(i), Voxel::Solid);
        }
        assert_eq!((open.counts()[2], &kept), (world.len(), &world));
        open.save(&path).expect("save over the file that is open");
        assert_eq!(kept, world);
        assert_eq!(World::load(&path).expect("load"), open);
        let long = [&world.to_bytes()[..], &[0; 64]].concat();
        assert!(
            World::from_bytes(&long)
                .expect_err("long")
                .contains("damaged")
        );
    }
    // A file of the version before: runs of states.
    let mut old = first_version([4, 3, 20], &[1, 40, 2, 60, 0, 0x8c, 0x01]);
    let read = World::from_bytes(&old).expect("version 1");
    assert_eq!(
        (read.dims, read.counts(), read.floor),
        ([4, 3, 20], [140, 40, 60], 0.25)
    );
    assert_eq!(
        (read.unit, &read.notes[0][..]),
        (LengthUnit::CameraHeights, "hi")
    );
    assert_eq!(read.at([0, 1, 3]), Voxel::Solid);
    old[40] ^= 1;
    assert!(
        World::from_bytes(&old)
            .expect_err("damaged")
            .contains("damaged")
    );
    let mut newer = bytes.clone();
    newer[4] = 3;
    let error = World::from_bytes(&newer).expect_err("newer");
    assert!(
        error.contains("version 3") && error.contains("build the world again"),
        "{error}"
    );
    // Sizes with which no distance can be reckoned, whole as the file is.
    for (voxel, x, says) in [
        (1e-38, 0.0, "1e-38 wide"),
        (1e38, 0.0, "wide"),
        (0.1, 3e38, "from 0"),
    ] {
        let world = World::empty([x, 0.0, 0.0], voxel, [4, 4, 4]);
        let error = World::from_bytes(&world.to_bytes()).expect_err(says);
        assert!(error.contains(says), "{error}");
    }
    let missing = World::load(&folder.path().join("none.vox")).expect_err("missing");
    assert!(missing.to_string().contains("none.vox"), "{missing}");
}
