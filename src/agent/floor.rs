//! The floor as agents see it, as data: for maps, and for people who read the file.

use serde::{Deserialize, Serialize};

use super::options::Body;
use super::traverse::{Column, Nav};
use crate::world::World;

/// What a column of voxels is to an agent of the report's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Its centre may stand here.
    Standable,
    /// Floor with headroom, too near to something solid or to a hole to stand on.
    Walkable,
    /// Something solid stands in the way.
    Blocked,
    /// Seen to have no floor.
    Open,
    /// Nothing tells whether there is a floor.
    Unknown,
}

impl Ground {
    /// Its character in [`Floor::rows`].
    pub fn letter(self) -> char {
        match self {
            Self::Standable => '.',
            Self::Walkable => ',',
            Self::Blocked => '#',
            Self::Open => 'O',
            Self::Unknown => '?',
        }
    }

    /// What a character stands for; any other is unknown.
    pub fn of(letter: char) -> Self {
        let all = [Self::Standable, Self::Walkable, Self::Blocked, Self::Open];
        let found = all.into_iter().find(|ground| ground.letter() == letter);
        found.unwrap_or(Self::Unknown)
    }
}

/// The floor from above, one character a column of voxels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// x and z of the corner of the first column with the smallest coordinates, in the world's unit.
    pub origin: [f32; 2],
    /// Edge of a column.
    pub voxel: f32,
    /// What the characters say, for people.
    pub legend: String,
    /// Rows from the smallest z; in each, columns from the smallest x. See [`Ground`].
    pub rows: Vec<String>,
    /// A sample of the ways that agents walked, as far as they came: x and z of their steps, in the world's unit.
    #[serde(default)]
    pub paths: Vec<Vec<[f32; 2]>>,
}

impl Floor {
    /// As an agent of this body finds it.
    pub(super) fn of(world: &World, nav: &Nav, body: &Body) -> Self {
        let ground = |i: usize| match nav.kind[i] {
            Column::Walkable if nav.standable(i, body) => Ground::Standable,
            Column::Walkable => Ground::Walkable,
            Column::Blocked => Ground::Blocked,
            Column::Open => Ground::Open,
            Column::Unknown => Ground::Unknown,
        };
        let row = |z: usize| {
            (0..nav.nx)
                .map(|x| ground(x + nav.nx * z).letter())
                .collect()
        };
        Self {
            origin: [world.origin[0], world.origin[2]],
            voxel: world.voxel,
            legend: "x to the right, z down; . an agent can stand, , floor too near to stand on, # blocked, O no floor, ? never seen".to_owned(),
            rows: (0..nav.nz).map(row).collect(),
            paths: Vec::new(),
        }
    }

    /// Columns along x and z.
    pub fn size(&self) -> [usize; 2] {
        let widest = self.rows.iter().map(|row| row.chars().count()).max();
        [widest.unwrap_or(0), self.rows.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::{Floor, Ground};

    #[test]
    fn letters_come_back() {
        for letter in ".,#O?".chars() {
            assert_eq!(Ground::of(letter).letter(), letter);
        }
        assert_eq!(Ground::of('x'), Ground::Unknown);
        let floor = Floor {
            rows: vec!["..#".into(), "O".into()],
            voxel: 0.1,
            ..Floor::default()
        };
        assert_eq!(floor.size(), [3, 2]);
        let json = serde_json::to_string(&floor).expect("json");
        assert_eq!(serde_json::from_str::<Floor>(&json).expect("back"), floor);
    }
}
