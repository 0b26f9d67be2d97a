//! What the shop sells: categories, with the goods, prices (in cents), suppliers and seasons of each.

#[derive(Debug)]
pub struct Category {
    pub name: &'static str,
    pub weight: u32,
    /// Demand by month, in percent.
    pub months: [u8; 12],
    /// Share of its orders that come back, in percent.
    pub returned_percent: u32,
    pub suppliers: &'static [&'static str],
    pub goods: &'static [Good],
}

#[derive(Debug)]
pub struct Good {
    pub name: &'static str,
    pub cents: (i64, i64),
}

const fn good(name: &'static str, low: i64, high: i64) -> Good {
    Good { name, cents: (low * 100, high * 100) }
}

pub const BRANDS: &[&str] = &[
    "Aurora", "Norvik", "Calypso", "Verdana", "Helix", "Borealis", "Tamarin", "Solano", "Kestrel", "Lumina", "Ardent", "Mistral", "Zephyr",
    "Cobalt", "Juniper", "Orchard", "Summit", "Harbor", "Pinnacle", "Meridian", "Nimbus", "Sierra", "Tundra", "Vega", "Willow", "Onyx",
    "Quartz", "Ember", "Fjord", "Lotus", "Maple", "Oasis",
];

pub const CATEGORIES: &[Category] = &[
    Category {
        name: "Electronics",
        weight: 130,
        months: [90, 85, 88, 88, 88, 90, 92, 94, 96, 98, 148, 150],
        returned_percent: 7,
        suppliers: &["Voltaris Trading", "Photon Supply", "Circuit House", "Nordic Components", "Ampere Wholesale"],
        goods: &[
            good("Headphones", 25, 320),
            good("Smartwatch", 70, 420),
            good("Tablet", 130, 900),
            good("Bluetooth Speaker", 20, 260),
            good("Monitor", 110, 700),
            good("Keyboard", 18, 170),
            good("Power Bank", 14, 80),
            good("Camera", 180, 1600),
            good("Router", 35, 280),
            good("Laptop", 420, 2400),
        ],
    },
    Category {
        name: "Books",
        weight: 120,
        months: [95, 90, 92, 94, 94, 98, 104, 104, 100, 100, 112, 140],
        returned_percent: 2,
        suppliers: &["Paperback Partners", "Inkwell Distribution", "Folio Press", "Old Library Supply"],
        goods: &[
            good("Novel", 8, 28),
            good("Cookbook", 14, 45),
            good("Travel Guide", 12, 34),
            good("Biography", 12, 38),
            good("Picture Book", 8, 26),
            good("Dictionary", 16, 70),
            good("Atlas", 22, 90),
        ],
    },
    Category {
        name: "Clothing",
        weight: 140,
        months: [98, 86, 96, 104, 106, 100, 94, 92, 104, 104, 116, 126],
        returned_percent: 18,
        suppliers: &["Loom and Thread", "Textilia", "Cotton Row", "Selvedge Imports", "Warp Wholesale"],
        goods: &[
            good("Jacket", 39, 280),
            good("T-Shirt", 9, 45),
            good("Jeans", 29, 140),
            good("Sweater", 25, 150),
            good("Dress", 29, 190),
            good("Scarf", 10, 70),
            good("Raincoat", 35, 200),
            good("Socks", 4, 20),
        ],
    },
    Category {
        name: "Home & Kitchen",
        weight: 120,
        months: [100, 92, 94, 96, 98, 94, 92, 92, 98, 102, 122, 128],
        returned_percent: 6,
        suppliers: &["Hearth Supply", "Copper Pan Trading", "Domus Wholesale", "Kitchen Guild", "Casa Imports"],
        goods: &[
            good("Kettle", 19, 120),
            good("Blender", 29, 220),
            good("Desk Lamp", 18, 130),
            good("Frying Pan", 16, 130),
            good("Blanket", 15, 110),
            good("Coffee Grinder", 22, 240),
            good("Knife Set", 30, 320),
            good("Pillow", 12, 90),
            good("Vacuum Cleaner", 80, 620),
        ],
    },
    Category {
        name: "Sports",
        weight: 80,
        months: [112, 96, 102, 108, 112, 112, 104, 100, 98, 92, 98, 112],
        returned_percent: 8,
        suppliers: &["Peak Outfitters", "Stadium Supply", "Trailhead Trading", "Velo Parts"],
        goods: &[
            good("Yoga Mat", 15, 90),
            good("Tennis Racket", 30, 260),
            good("Running Shoes", 45, 220),
            good("Dumbbell Set", 25, 240),
            good("Bicycle Helmet", 25, 160),
            good("Camping Tent", 60, 620),
            good("Football", 12, 70),
            good("Water Bottle", 8, 40),
        ],
    },
    Category {
        name: "Toys",
        weight: 80,
        months: [74, 72, 78, 84, 82, 80, 80, 80, 84, 96, 158, 220],
        returned_percent: 4,
        suppliers: &["Playbox Partners", "Wooden Wonders", "Carousel Toys", "Tin Soldier Trading"],
        goods: &[
            good("Puzzle", 8, 40),
            good("Board Game", 15, 70),
            good("Building Blocks", 15, 160),
            good("Doll", 12, 80),
            good("Toy Train", 20, 180),
            good("Plush Bear", 10, 55),
            good("Kite", 10, 50),
        ],
    },
    Category {
        name: "Beauty",
        weight: 90,
        months: [92, 102, 94, 96, 108, 94, 92, 90, 94, 96, 112, 136],
        returned_percent: 3,
        suppliers: &["Bloom Cosmetics", "Rosewater Supply", "Apothecary Lane", "Silk Skin Trading"],
        goods: &[
            good("Face Cream", 12, 110),
            good("Shampoo", 5, 30),
            good("Perfume", 28, 180),
            good("Lipstick", 8, 45),
            good("Serum", 16, 130),
            good("Hair Dryer", 22, 240),
            good("Soap Set", 6, 35),
        ],
    },
    Category {
        name: "Grocery",
        weight: 130,
        months: [98, 96, 98, 100, 100, 98, 96, 96, 98, 100, 108, 122],
        returned_percent: 1,
        suppliers: &["Golden Field Foods", "Harvest Basket", "Coastal Pantry", "Mill Street Foods", "Three Rivers Grain"],
        goods: &[
            good("Coffee Beans", 6, 32),
            good("Olive Oil", 6, 30),
            good("Green Tea", 4, 24),
            good("Dark Chocolate", 2, 12),
            good("Honey", 4, 22),
            good("Pasta", 2, 8),
            good("Muesli", 3, 12),
            good("Spice Set", 9, 45),
        ],
    },
    Category {
        name: "Automotive",
        weight: 45,
        months: [104, 96, 98, 102, 104, 106, 104, 100, 98, 102, 98, 90],
        returned_percent: 5,
        suppliers: &["Piston Parts", "Roadside Supply", "Torque Trading"],
        goods: &[
            good("Floor Mats", 18, 110),
            good("Dash Camera", 45, 280),
            good("Jump Starter", 50, 220),
            good("Tyre Inflator", 25, 130),
            good("Roof Box", 160, 780),
            good("Phone Holder", 9, 45),
        ],
    },
    Category {
        name: "Garden",
        weight: 55,
        months: [52, 66, 128, 168, 172, 150, 126, 104, 92, 70, 54, 48],
        returned_percent: 4,
        suppliers: &["Green Thumb Nursery", "Orchard Tools", "Meadow Supply", "Terrace Trading"],
        goods: &[
            good("Planter", 10, 90),
            good("Garden Hose", 18, 90),
            good("Lawn Mower", 120, 900),
            good("Pruning Shears", 10, 70),
            good("Bird Feeder", 9, 50),
            good("Garden Chair", 25, 180),
            good("Seed Mix", 3, 15),
        ],
    },
    Category {
        name: "Jewellery",
        weight: 35,
        months: [84, 130, 92, 92, 118, 92, 88, 86, 90, 94, 124, 168],
        returned_percent: 9,
        suppliers: &["Silver Lane", "Gemstone Guild", "Aurum Trading"],
        goods: &[
            good("Bracelet", 25, 420),
            good("Necklace", 30, 680),
            good("Earrings", 15, 320),
            good("Ring", 40, 1400),
            good("Wristwatch", 60, 1200),
        ],
    },
    Category {
        name: "Office Supplies",
        weight: 70,
        months: [118, 100, 98, 96, 94, 92, 96, 124, 130, 102, 94, 80],
        returned_percent: 3,
        suppliers: &["Desk and Drawer", "Stationer Direct", "Paperclip Partners", "Ledger Supply"],
        goods: &[
            good("Stapler", 6, 35),
            good("Notebook", 3, 24),
            good("Fountain Pen", 18, 220),
            good("Office Chair", 85, 620),
            good("Paper Shredder", 35, 240),
            good("Desk Organiser", 12, 60),
            good("Whiteboard", 22, 170),
        ],
    },
];
