//! Numbers into byte buffers, without a formatter per cell.

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Two digits, of a number below 100.
#[inline]
pub fn two(n: u32, out: &mut Vec<u8>) {
    let i = (n % 100) as usize * 2;
    out.extend_from_slice(&PAIRS[i..i + 2]);
}

#[inline]
pub fn unsigned(mut n: u64, out: &mut Vec<u8>) {
    let mut buf = [0u8; 20];
    let mut at = buf.len();
    while n >= 100 {
        let i = (n % 100) as usize * 2;
        n /= 100;
        at -= 2;
        buf[at..at + 2].copy_from_slice(&PAIRS[i..i + 2]);
    }
    if n >= 10 {
        let i = n as usize * 2;
        at -= 2;
        buf[at..at + 2].copy_from_slice(&PAIRS[i..i + 2]);
    } else {
        at -= 1;
        buf[at] = b'0' + n as u8;
    }
    out.extend_from_slice(&buf[at..]);
}

#[inline]
pub fn whole(n: i64, out: &mut Vec<u8>) {
    if n < 0 {
        out.push(b'-');
    }
    unsigned(n.unsigned_abs(), out);
}

/// At least `width` digits.
#[inline]
pub fn padded(mut n: u64, width: usize, out: &mut Vec<u8>) {
    let mut buf = *b"00000000000000000000";
    let mut at = buf.len();
    while n > 0 {
        at -= 1;
        buf[at] = b'0' + (n % 10) as u8;
        n /= 10;
    }
    out.extend_from_slice(&buf[at.min(buf.len() - width.min(buf.len()))..]);
}

/// A number of hundredths: `-12.05`.
#[inline]
pub fn hundredths(n: i64, out: &mut Vec<u8>) {
    if n < 0 {
        out.push(b'-');
    }
    let n = n.unsigned_abs();
    unsigned(n / 100, out);
    out.push(b'.');
    two((n % 100) as u32, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn they_read_as_the_formatter_writes_them() {
        for n in [0, 1, 9, 10, 99, 100, 101, 12_345, 999_999, 1_000_000, i64::MAX, -1, -100, i64::MIN] {
            assert_eq!(text(|o| whole(n, o)), n.to_string());
        }
        assert_eq!(text(|o| padded(42, 6, o)), "000042");
        assert_eq!(text(|o| padded(1_234_567, 6, o)), "1234567");
        assert_eq!(text(|o| padded(0, 3, o)), "000");
        assert_eq!(text(|o| hundredths(-1205, o)), "-12.05");
        assert_eq!(text(|o| hundredths(7, o)), "0.07");
    }
}
