//! Files of safetensors: eight bytes that say how long the header is, a header in JSON, and then numbers. Nothing is
//! trusted: every place is held against the file before it is read.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Bytes of the longest header that the format allows.
const MAX_HEADER: usize = 100_000_000;
/// How every pointer of git LFS begins.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// A file that was found to be whole as far as its header says.
#[derive(Debug)]
pub struct Tensors<'a> {
    entries: Map<String, Value>,
    data: &'a [u8],
}

/// One tensor: its numbers row by row.
#[derive(Clone, PartialEq, Debug)]
pub struct Tensor<T> {
    /// Numbers of each dimension.
    pub shape: Vec<usize>,
    /// The numbers.
    pub numbers: Vec<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

impl<'a> Tensors<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// Why the bytes are no such file.
    pub fn read(bytes: &'a [u8]) -> Result<Self, String> {
        if bytes.starts_with(LFS_POINTER) {
            return Err("it is a pointer of git LFS and not the file itself; run `git lfs pull`".to_owned());
        }
        let (length, rest) =
            bytes.split_first_chunk::<8>().ok_or("it is shorter than the length of its header")?;
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (header, data) = rest
            .split_at_checked(length)
            .filter(|_| length <= MAX_HEADER)
            .ok_or_else(|| format!("its header is said to have {length} bytes, and is not there"))?;
        let entries = serde_json::from_slice(header)
            .map_err(|error| format!("its header is no JSON object: {error}"))?;
        Ok(Self { entries, data })
    }

    /// The tensor of this name as 32-bit floats; `None` where there is none.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn floats(&self, name: &str) -> Result<Option<Tensor<f32>>, String> {
        let Some((entry, bytes)) = self.find(name)? else { return Ok(None) };
        let numbers = match entry.dtype.as_str() {
            "F32" => each(&entry, name, bytes, f32::from_le_bytes)?,
            "F16" => each(&entry, name, bytes, |number| half(u16::from_le_bytes(number)))?,
            "F64" => each(&entry, name, bytes, |number| narrow(f64::from_le_bytes(number)))?,
            other => return Err(format!("`{name}` holds numbers of type {other}, and not F32, F16 or F64")),
        };
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(format!("`{name}` holds a number that is not finite"));
        }
        Ok(Some(Tensor { shape: entry.shape, numbers }))
    }

    /// The tensor of this name as places in another; `None` where there is none.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn places(&self, name: &str) -> Result<Option<Tensor<usize>>, String> {
        let Some((entry, bytes)) = self.find(name)? else { return Ok(None) };
        let numbers = match entry.dtype.as_str() {
            "I32" => each(&entry, name, bytes, |number| i64::from(i32::from_le_bytes(number)))?,
            "I64" => each(&entry, name, bytes, i64::from_le_bytes)?,
            other => return Err(format!("`{name}` holds numbers of type {other}, and not I32 or I64")),
        };
        let place = |number: i64| {
            usize::try_from(number).map_err(|_| format!("`{name}` holds the place {number}, which is none"))
        };
        let numbers = numbers.into_iter().map(place).collect::<Result<_, _>>()?;
        Ok(Some(Tensor { shape: entry.shape, numbers }))
    }

    fn find(&self, name: &str) -> Result<Option<(Entry, &'a [u8])>, String> {
        let Some(value) = self.entries.get(name) else { return Ok(None) };
        let entry: Entry = serde_json::from_value(value.clone())
            .map_err(|error| format!("`{name}` in its header: {error}"))?;
        let (start, end) = entry.data_offsets;
        let bytes = self.data.get(start..end).ok_or_else(|| {
            format!("`{name}` is said to end at byte {end} of {}: the file is cut off", self.data.len())
        })?;
        Ok(Some((entry, bytes)))
    }
}

/// Reads one number after the other; as many as the shape says.
fn each<const N: usize, T>(
    entry: &Entry,
    name: &str,
    bytes: &[u8],
    read: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, String> {
    let count = entry.shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
    let (numbers, rest) = bytes.as_chunks::<N>();
    if count != Some(numbers.len()) || !rest.is_empty() {
        return Err(format!(
            "`{name}` has {} bytes, which does not fit its shape {:?}",
            bytes.len(),
            entry.shape
        ));
    }
    Ok(numbers.iter().map(|number| read(*number)).collect())
}

/// A number of IEEE 754 binary16.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) =
        (u32::from(bits >> 15) << 31, u32::from(bits >> 10) & 0x1f, bits & 0x3ff);
    match exponent {
        0 => (f32::from(fraction) * 2.0_f32.powi(-24)).copysign(f32::from_bits(sign | 1)),
        31 => f32::from_bits(sign | 0x7f80_0000 | u32::from(fraction) << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | u32::from(fraction) << 13),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the nearest 32-bit float is what is asked for")]
fn narrow(number: f64) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with this header, and these bytes behind it.
    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let length = u64::try_from(header.len()).expect("a length").to_le_bytes();
        [&length[..], header.as_bytes(), data].concat()
    }

    fn floats(header: &str, data: &[u8]) -> Result<Option<Tensor<f32>>, String> {
        Tensors::read(&file(header, data)).and_then(|tensors| tensors.floats("t"))
    }

    #[test]
    fn numbers_of_each_type_are_read_as_they_are() {
        let data: Vec<u8> = [1.5_f32, -2.0].iter().flat_map(|number| number.to_le_bytes()).collect();
        let header = "{\"__metadata__\": {\"a\": \"b\"}, \"t\": {\"dtype\": \"F32\", \"shape\": [1, 2], \"data_offsets\": [0, 8]}}";
        let found = floats(header, &data).expect("numbers").expect("a tensor");
        assert_eq!((found.shape, found.numbers), (vec![1, 2], vec![1.5, -2.0]));
        // 1.0, -2.0, the largest, the least above 0, -0.0.
        for (bits, number) in
            [(0x3c00, 1.0), (0xc000, -2.0), (0x7bff, 65504.0), (0x0001, 5.960_464_5e-8), (0x8000, -0.0)]
        {
            let found = half(bits);
            assert_eq!(found.to_bits(), f32::to_bits(number), "{bits:x}: {found}");
        }
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
        let header = "{\"t\": {\"dtype\": \"I64\", \"shape\": [1], \"data_offsets\": [0, 8]}}";
        let bytes = file(header, &7_i64.to_le_bytes());
        assert_eq!(
            Tensors::read(&bytes).expect("a header").places("t").expect("places").expect("one").numbers,
            [7]
        );
        assert_eq!(Tensors::read(&bytes).expect("a header").floats("other"), Ok(None));
    }

    #[test]
    fn whatever_does_not_fit_is_refused() {
        let entry = |dtype: &str, shape: &str, end: usize| {
            format!("{{\"t\": {{\"dtype\": \"{dtype}\", \"shape\": {shape}, \"data_offsets\": [0, {end}]}}}}")
        };
        for (header, data, why) in [
            (entry("F32", "[2]", 8), vec![0; 7], "cut off"),
            (entry("F32", "[3]", 8), vec![0; 8], "does not fit its shape"),
            (entry("F32", "[2]", 7), vec![0; 8], "does not fit its shape"),
            (entry("F32", "[9223372036854775807, 4]", 8), vec![0; 8], "does not fit its shape"),
            (entry("I8", "[8]", 8), vec![0; 8], "type I8"),
            (entry("F32", "[1]", 4), f32::NAN.to_le_bytes().to_vec(), "not finite"),
            ("{\"t\": {\"dtype\": \"F32\"}}".to_owned(), vec![], "in its header"),
            (entry("F32", "[1]", 4).replace("[0, 4]", "[4, 0]"), vec![0; 4], "cut off"),
            ("[]".to_owned(), vec![], "no JSON object"),
        ] {
            let found = floats(&header, &data).expect_err(why);
            assert!(found.contains(why), "{found}");
        }
        for (bytes, why) in [
            (b"short".to_vec(), "shorter"),
            (u64::MAX.to_le_bytes().to_vec(), "is not there"),
            ([&9_u64.to_le_bytes()[..], b"{}"].concat(), "is not there"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n".to_vec(), "git lfs pull"),
        ] {
            let found = Tensors::read(&bytes).expect_err(why);
            assert!(found.contains(why), "{found}");
        }
    }
}
