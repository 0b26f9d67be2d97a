//! What reviews say, by rating; `{}` is the product.

pub const REVIEWS: [&[&str]; 5] = [
    &[
        "The {} broke after two days.",
        "Arrived damaged, and nobody answers.",
        "Not at all what the picture shows.",
        "I want my money back.",
        "Stopped working within a week, avoid this {}.",
    ],
    &[
        "The {} feels cheap for the price.",
        "Took far too long to arrive.",
        "Works, but only just.",
        "The colour is wrong and the {} smells of glue.",
        "Expected more from this {}.",
    ],
    &[
        "It is all right.",
        "The {} does what it should, no more.",
        "Good quality, slow delivery.",
        "Average, would look around first.",
        "Fine for the price.",
    ],
    &[
        "Very happy with the {}.",
        "Good value, arrived on time.",
        "The {} works well so far.",
        "Solid quality, small fault in the packaging.",
        "Would buy this {} again.",
    ],
    &[
        "Best {} I have ever owned!",
        "Perfect, and delivered a day early.",
        "Exactly as described, the {} is great.",
        "Bought a second {} for my sister.",
        "Excellent quality, highly recommended.",
    ],
];
