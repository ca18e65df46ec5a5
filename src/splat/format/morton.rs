//! The Morton code of a cell: bits of the axes in turn, so that cells with codes nearby lie nearby.

/// The code of a cell of 21 bits an axis.
pub fn interleaved(cell: [u32; 3]) -> u64 {
    let spread = |v: u32| {
        let mut x = u64::from(v);
        x = (x | x << 32) & 0x001F_0000_0000_FFFF;
        x = (x | x << 16) & 0x001F_0000_FF00_00FF;
        x = (x | x << 8) & 0x100F_00F0_0F00_F00F;
        x = (x | x << 4) & 0x10C3_0C30_C30C_30C3;
        (x | x << 2) & 0x1249_2492_4924_9249
    };
    spread(cell[0]) | spread(cell[1]) << 1 | spread(cell[2]) << 2
}

/// What was [`interleaved`].
pub fn apart(code: u64) -> [u32; 3] {
    let gathered = |code: u64| {
        let mut x = code & 0x1249_2492_4924_9249;
        x = (x | x >> 2) & 0x10C3_0C30_C30C_30C3;
        x = (x | x >> 4) & 0x100F_00F0_0F00_F00F;
        x = (x | x >> 8) & 0x001F_0000_FF00_00FF;
        x = (x | x >> 16) & 0x001F_0000_0000_FFFF;
        (x | x >> 32) as u32 & 0x1F_FFFF
    };
    [gathered(code), gathered(code >> 1), gathered(code >> 2)]
}

#[cfg(test)]
mod tests {
    use super::{apart, interleaved};

    #[test]
    fn a_cell_comes_back_from_its_code() {
        assert_eq!(interleaved([1, 0, 0]), 1);
        assert_eq!(interleaved([0, 1, 2]), 0b10_0010);
        assert_eq!(interleaved([(1 << 21) - 1; 3]), u64::MAX >> 1);
        for cell in [
            [0, 0, 0],
            [1, 2, 4],
            [0x1F_FFFF, 0, 0x15_5555],
            [65_535, 1, 77],
        ] {
            assert_eq!(apart(interleaved(cell)), cell);
        }
    }
}
