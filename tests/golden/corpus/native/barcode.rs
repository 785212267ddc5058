//! Barcodes of parcel numbers.

/// Why a barcode could not be read.
#[derive(Debug, PartialEq)]
pub enum BarcodeError {
    /// It holds something that is not a digit.
    NotADigit(char),
    /// Its check digit does not fit its other digits.
    CheckDigit { expected: u32, found: u32 },
}

/// The check digit of a number: the sum of its digits, every other one tripled, filled up to a multiple of ten.
pub fn check_digit(digits: &[u32]) -> u32 {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { 3 * digit } else { *digit })
        .sum();
    (10 - sum % 10) % 10
}

/// The digits of a barcode without its check digit, or what is wrong with it.
pub fn read_barcode(text: &str) -> Result<Vec<u32>, BarcodeError> {
    let mut digits = Vec::with_capacity(text.len());
    for letter in text.chars() {
        digits.push(letter.to_digit(10).ok_or(BarcodeError::NotADigit(letter))?);
    }
    let found = digits.pop().unwrap_or(0);
    let expected = check_digit(&digits);
    if found == expected {
        Ok(digits)
    } else {
        Err(BarcodeError::CheckDigit { expected, found })
    }
}
