"""The words that tell the check what a figure is: prices of one, counts, totals, money that is no price."""

NOT_A_PRICE = frozenset(
    {
        "deposit", "deposits", "deposited", "paid", "payed", "pays", "balance", "bal", "outstanding", "owing", "owed",
        "owes", "owe", "remaining", "remainder", "remains", "remain", "refund", "refunded", "refunds", "before",
        "previous", "previously", "earlier", "already", "advance", "upfront", "downpayment", "initial", "initially",
        "instalment", "instalments", "installment", "installments", "debt", "arrears", "was", "were", "originally",
        "reduced", "slashed", "formerly", "instead", "gave", "given", "received", "collected", "returned", "settled",
        "cleared", "rest", "left", "prepaid", "part-payment", "down", "owings",
    }
)  # fmt: skip
OF_ONE = frozenset(
    {
        "@", "at", "each", "per", "apiece", "every", "price", "rate", "unit", "daily", "weekly", "monthly", "yearly",
        "hourly", "nightly", "annually", "one-one",
    }
)  # fmt: skip
OF_ONE_BEHIND = OF_ONE - {"@", "at", "price", "rate", "unit"}
EACH = frozenset({"each", "apiece", "every"})
LINKS = frozenset({"minus-sign", "=", ":", "-", "na", "is", "the", "of", "for", "a", "be", "go", "no"})
TIMES = frozenset({"x", "*", "times", "twice", "thrice", "by"})
COUNT_LABELS = frozenset({"qty", "quantity"})
TOTALS = frozenset(
    {"total", "totals", "subtotal", "altogether", "sum", "amount", "=", "making", "makes", "grand", "equals", "full"}
)
TOTALS_BEHIND = frozenset({"total", "altogether", "sum"})
DEDUCTS = frozenset({"less", "minus", "deduct", "comot", "commot", "discount", "disc", "off", "add"})
AFTER_DISCOUNT = frozenset(
    {
        "discount",
        "disc",
        "off",
        "only",
        "please",
        "pls",
        "abeg",
        "for",
        "from",
        "because",
        "on",
        "as",
        "due",
        "and",
        "plus",
    }
)
FRACTIONS = frozenset(
    {"half", "halves", "quarter", "quarters", "third", "thirds", "twice", "thrice", "couple", "point"}
)
VAGUE_AMOUNTS = frozenset({"minimum", "maximum", "min", "max", "least", "most", "approximately", "approx", "upto"})
VAGUE_COUNTS = frozenset(
    {"both", "few", "several", "many", "double", "triple", "dozen", "dozens", "score", "gross", "pairs", "all"}
)
BEHIND_A_PRICE = frozenset(
    {
        "for", "each", "per", "only", "na", "and", "plus", "to", "give", "less", "minus", "due", "total", "discount",
        "a", "an", "with", "add", "vat", "inclusive", "including", "no", "abeg", "please", "pls", "sharp", "comot", "o",
        "apiece", "net", "by", "pay", "payable", "go", "at", "x", "in",
    }
)  # fmt: skip
BEFORE_A_PRICE = frozenset(
    {"na", "is", "at", "price", "amount", "total", "cost", "costs", "rate", "and", "plus", "each", "pay", "be", "the"}
)
LEADS_TO_COUNT = frozenset({"for", "of", "with", "in", "to"})
COUNTS_BELOW = 1000
MONEY_FROM = 100
YEARS = range(1950, 2041)


NUMBER_WORDS = (
    "three", "four", "five", "seven", "eight", "nine", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen",
    "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    "hundred", "thousand", "million",
)  # fmt: skip
COUNTED_UNITS = frozenset(
    {
        "pages", "page", "people", "persons", "person", "guests", "guest", "words", "copies", "sheets", "heads", "head",
        "weeks", "week", "years", "year", "minutes", "mins", "sessions", "visits", "rooms", "seats", "tables", "metres",
        "meters", "metre", "sqm", "sqft", "miles", "km", "pieces", "cups", "sachets", "reams", "rolls", "gallons",
        "kegs", "crate", "litre", "carton", "tonnes", "tons", "blocks", "bundles", "dozens", "trays", "tubers",
        "baskets", "students",
    }
)  # fmt: skip
