//! Small JSON files that know whether they are whole: `{"format":1,"checksum":"…","body":…}`. The checksum is over the body's bytes as
//! written, so a torn or edited file is told from a good one.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tidemill_core::{Error, Result};

const FORMAT: u32 = 1;

/// The bytes of a sealed file.
pub(crate) fn seal<T: Serialize>(body: &T) -> Result<Vec<u8>> {
    let body = serde_json::to_string(body).map_err(|e| Error::bug(format!("cannot write as JSON: {e}")))?;
    let checksum = blake3::hash(body.as_bytes()).to_hex();
    Ok(format!("{{\"format\":{FORMAT},\"checksum\":\"{checksum}\",\"body\":{body}}}\n").into_bytes())
}

/// What [`seal`] wrote. `place` names the file in errors.
pub(crate) fn open<T: DeserializeOwned>(bytes: &[u8], place: &str) -> Result<T> {
    let torn = || {
        Error::data("is damaged: its checksum does not match")
            .at(place.to_string())
            .help("a crash of the machine may have torn it; restore it from a backup, or remove it to do that work again")
    };
    let text = std::str::from_utf8(bytes).map_err(|_| torn())?;
    let rest = text.strip_prefix("{\"format\":").ok_or_else(torn)?;
    let (format, rest) = rest.split_once(",\"checksum\":\"").ok_or_else(torn)?;
    if format != FORMAT.to_string() {
        return Err(Error::config(format!("has format {format}; this version of tidemill knows format {FORMAT}"))
            .at(place.to_string())
            .help("a newer tidemill wrote it: use that version"));
    }
    let (checksum, rest) = rest.split_once("\",\"body\":").ok_or_else(torn)?;
    let body = rest.trim_end().strip_suffix('}').ok_or_else(torn)?;
    if blake3::hash(body.as_bytes()).to_hex().as_str() != checksum {
        return Err(torn());
    }
    serde_json::from_str(body).map_err(|e| Error::data(format!("cannot be read: {e}")).at(place.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_or_edited_file_is_told_from_a_good_one() {
        let bytes = seal(&serde_json::json!({"epoch": 7, "x": 0.1})).unwrap();
        let back: serde_json::Value = open(&bytes, "f").unwrap();
        assert_eq!(back["epoch"], 7);
        for cut in 0..bytes.len() - 1 {
            assert!(open::<serde_json::Value>(&bytes[..cut], "f").is_err(), "cut at {cut}");
        }
        let edited = String::from_utf8(bytes).unwrap().replace("\"epoch\":7", "\"epoch\":8");
        assert!(open::<serde_json::Value>(edited.as_bytes(), "f").unwrap_err().what.contains("damaged"));
        assert!(open::<serde_json::Value>(b"{\"format\":2,\"checksum\":\"\",\"body\":1}", "f").unwrap_err().what.contains("format 2"));
    }
}
