//! How the file's JSON becomes [`Transforms`]: visitors that keep what is known and pass over the rest.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};

use super::{Frame, Lens, Transforms, Want};

/// Names of numbers that are kept of a lens.
const TERMS: [&str; 23] = [
    "fl_x",
    "fl_y",
    "cx",
    "cy",
    "w",
    "h",
    "camera_angle_x",
    "camera_angle_y",
    "x_fov",
    "y_fov",
    "k1",
    "k2",
    "k3",
    "k4",
    "k5",
    "k6",
    "p1",
    "p2",
    "fisheye_crop_radius",
    "is_fisheye",
    "ftheta_p0",
    "latlong",
    "equirectangular",
];

/// Names under which coefficients of distortion come as a list or an object.
const LISTS: [&str; 3] = ["distortion_params", "distortion", "distortion_coefficients"];

/// What listed coefficients are called.
const LISTED: [&str; 12] = [
    "distortion_params[0]",
    "distortion_params[1]",
    "distortion_params[2]",
    "distortion_params[3]",
    "distortion_params[4]",
    "distortion_params[5]",
    "distortion_params[6]",
    "distortion_params[7]",
    "distortion_params[8]",
    "distortion_params[9]",
    "distortion_params[10]",
    "distortion_params[11]",
];

/// The file.
pub(super) struct Root {
    pub want: Want,
    /// Frames that it may have.
    pub most: usize,
}

impl<'de> DeserializeSeed<'de> for Root {
    type Value = Transforms;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Transforms, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Root {
    type Value = Transforms;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list 'frames'")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Transforms, M::Error> {
        let mut found = Transforms::default();
        let mut listed = false;
        while let Some(key) = map.next_key::<Key>()? {
            if key.0 == "frames" {
                listed = true;
                let (frames, counts) = map.next_value_seed(Frames {
                    want: self.want,
                    most: self.most,
                })?;
                found.frames = frames;
                [found.masks, found.depths] = counts;
            } else {
                lens(&mut found.lens, &key.0, self.want, &mut map)?;
            }
        }
        match listed {
            true => Ok(found),
            false => Err(M::Error::missing_field("frames")),
        }
    }
}

/// The list, with how many name a mask and a depth map.
struct Frames {
    want: Want,
    most: usize,
}

impl<'de> DeserializeSeed<'de> for Frames {
    type Value = (Vec<Frame>, [usize; 2]);
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Frames {
    type Value = (Vec<Frame>, [usize; 2]);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of frames")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut frames = Vec::with_capacity(self.most);
        let mut counts = [0; 2];
        while let Some(frame) = seq.next_element_seed(One {
            want: self.want,
            counts: &mut counts,
        })? {
            frames.push(frame);
        }
        Ok((frames, counts))
    }
}

/// One frame.
struct One<'a> {
    want: Want,
    counts: &'a mut [usize; 2],
}

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = Frame;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Frame, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = Frame;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a frame with a file_path")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Frame, M::Error> {
        let mut frame = Frame::default();
        let mut own = Lens::default();
        let mut named = false;
        while let Some(key) = map.next_key::<Key>()? {
            match key.0.as_str() {
                "file_path" => {
                    named = true;
                    frame.file_path = map.next_value()?;
                }
                "mask_path" | "depth_file_path" => {
                    let there: Option<IgnoredAny> = map.next_value()?;
                    self.counts[usize::from(key.0 == "depth_file_path")] +=
                        usize::from(there.is_some());
                }
                "transform_matrix" if self.want == Want::Cameras => {
                    frame.matrix = Some(Box::new(map.next_value::<Matrix>()?.0));
                }
                key => lens(&mut own, key, self.want, &mut map)?,
            }
        }
        if !named {
            return Err(M::Error::missing_field("file_path"));
        }
        if self.want == Want::Cameras && frame.matrix.is_none() {
            return Err(M::Error::missing_field("transform_matrix"));
        }
        frame.lens = (own != Lens::default()).then(|| Box::new(own));
        Ok(frame)
    }
}

/// Takes the value of `key` into `lens` where it is of a lens, else passes over it.
fn lens<'de, M: MapAccess<'de>>(
    lens: &mut Lens,
    key: &str,
    want: Want,
    map: &mut M,
) -> Result<(), M::Error> {
    if want == Want::Paths {
        map.next_value::<IgnoredAny>()?;
    } else if let Some(name) = TERMS.iter().find(|term| **term == key) {
        if let Some(Number(value)) = map.next_value()? {
            lens.set(name, value);
        }
    } else if key == "camera_model" {
        lens.model = map.next_value()?;
    } else if LISTS.contains(&key) {
        map.next_value_seed(Coefficients(lens))?;
    } else {
        map.next_value::<IgnoredAny>()?;
    }
    Ok(())
}

/// Coefficients of distortion in a list, or by name in an object.
struct Coefficients<'a>(&'a mut Lens);

impl<'de> DeserializeSeed<'de> for Coefficients<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Coefficients<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of coefficients, or an object of them")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        let mut names = LISTED.iter();
        while let Some(value) = seq.next_element::<Option<Number>>()? {
            let name = names.next().ok_or_else(|| {
                S::Error::invalid_length(LISTED.len() + 1, &"12 coefficients at most")
            })?;
            self.0.set(name, value.map_or(0.0, |v| v.0));
        }
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key::<Key>()? {
            lens(self.0, &key.0, Want::Cameras, &mut map)?;
        }
        Ok(())
    }
}

/// A key, cut where it is longer than any that is known.
struct Key(String);

impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
                Ok(Key(key.chars().take(32).collect()))
            }
        }
        from.deserialize_str(Text)
    }
}

/// A number, also one that is written as a text, one that is none, and yes or no as 1 or 0.
struct Number(f64);

impl<'de> serde::Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Value;
        impl Visitor<'_> for Value {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Number, E> {
                Ok(Number(f64::from(u8::from(value))))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                let number = text.trim().parse().map(Number);
                number.map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        from.deserialize_any(Value)
    }
}

/// Three or four rows of four.
struct Matrix([[f64; 4]; 4]);

impl<'de> serde::Deserialize<'de> for Matrix {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Rows;
        impl<'de> Visitor<'de> for Rows {
            type Value = Matrix;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a matrix of 4 rows (or 3) of 4 numbers, camera to world")
            }
            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Matrix, S::Error> {
                let mut rows = [[0.0, 0.0, 0.0, 1.0]; 4];
                let mut count = 0;
                while let Some(row) = seq.next_element::<[Number; 4]>()? {
                    let slot = rows
                        .get_mut(count)
                        .ok_or_else(|| S::Error::invalid_length(count + 1, &self))?;
                    *slot = row.map(|n| n.0);
                    count += 1;
                }
                match count {
                    3 | 4 => Ok(Matrix(rows)),
                    _ => Err(S::Error::invalid_length(count, &self)),
                }
            }
        }
        from.deserialize_seq(Rows)
    }
}
