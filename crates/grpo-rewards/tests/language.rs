//! The language of a completion.

use grpo_rewards::{RewardSpec, Sample, Score};
use serde_json::{Value, json};

fn score(spec: Value, completion: &str) -> Option<Score> {
    serde_json::from_value::<RewardSpec>(spec).unwrap().build().unwrap().score(&Sample::new("", completion))
}

/// The first article of the Universal Declaration of Human Rights.
const TEXTS: &[(&str, &str)] = &[
    (
        "en",
        "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and should act towards one another in a spirit of brotherhood.",
    ),
    (
        "de",
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt und sollen einander im Geiste der Brüderlichkeit begegnen.",
    ),
    (
        "fr",
        "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
    ),
    (
        "es",
        "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y conciencia, deben comportarse fraternalmente los unos con los otros.",
    ),
    (
        "it",
        "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione e di coscienza e devono agire gli uni verso gli altri in spirito di fratellanza.",
    ),
    (
        "pt",
        "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de razão e de consciência, devem agir uns para com os outros em espírito de fraternidade.",
    ),
    (
        "nl",
        "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Zij zijn begiftigd met verstand en geweten, en behoren zich jegens elkander in een geest van broederschap te gedragen.",
    ),
    (
        "sv",
        "Alla människor är födda fria och lika i värde och rättigheter. De har utrustats med förnuft och samvete och bör handla gentemot varandra i en anda av gemenskap.",
    ),
    (
        "fi",
        "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu järki ja omatunto, ja heidän on toimittava toisiaan kohtaan veljeyden hengessä.",
    ),
    (
        "pl",
        "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa.",
    ),
    (
        "cs",
        "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím a mají spolu jednat v duchu bratrství.",
    ),
    (
        "tr",
        "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler ve birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler.",
    ),
    (
        "vi",
        "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền. Mọi con người đều được tạo hoá ban cho lý trí và lương tâm và cần phải đối xử với nhau trong tình bằng hữu.",
    ),
    (
        "ru",
        "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и должны поступать в отношении друг друга в духе братства.",
    ),
    (
        "uk",
        "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені розумом і совістю і повинні діяти у відношенні один до одного в дусі братерства.",
    ),
    (
        "el",
        "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι προικισμένοι με λογική και συνείδηση, και οφείλουν να συμπεριφέρονται μεταξύ τους με πνεύμα αδελφοσύνης.",
    ),
    (
        "ar",
        "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا بروح الإخاء.",
    ),
    (
        "he",
        "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה.",
    ),
    (
        "hi",
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव से बर्ताव करना चाहिए।",
    ),
    (
        "zh",
        "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。每个人都有资格享有本宣言所载的一切权利和自由。",
    ),
    (
        "ja",
        "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。",
    ),
    (
        "ko",
        "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다.",
    ),
];

#[test]
fn each_text_is_in_its_language_and_in_no_other() {
    for (written, text) in TEXTS {
        for (wanted, _) in TEXTS {
            let score = score(json!({ "kind": "language", "language": wanted }), text).unwrap();
            let right = f64::from(u8::from(written == wanted));
            assert_eq!(score.value, right, "{written} for {wanted}: {}", score.reason);
        }
    }
}

#[test]
fn reasons_and_limits() {
    let english = || json!({ "kind": "language", "language": "English" });
    let text = TEXTS[0].1;
    let right = score(english(), text).unwrap();
    assert_eq!((&*right.reason, right.extracted.as_deref()), ("English, with confidence 1.00", Some("eng")));
    let wrong = score(english(), TEXTS[1].1).unwrap();
    assert_eq!(&*wrong.reason, "German, with confidence 1.00; wanted English");
    let script = score(english(), TEXTS[19].1).unwrap();
    assert_eq!(&*script.reason, "only 0% of the letters are of English's script");
    let mixed = format!("{text} {}", TEXTS[19].1.chars().take(25).collect::<String>());
    assert_eq!(score(english(), &mixed).unwrap().value, 0.0, "a switch of scripts on the way");
    let tolerant = json!({ "kind": "language", "language": "en", "min_script": 0.5 });
    assert_eq!(score(tolerant, &mixed).unwrap().value, 1.0);

    assert_eq!(score(english(), "42 + 17 = 59"), None, "no letters");
    assert_eq!(score(english(), "Short."), None, "too short to tell");
    assert_eq!(score(english(), "好").unwrap().value, 0.0, "short, but another script");
    let eager = json!({ "kind": "language", "language": "en", "min_letters": 10 });
    assert!(score(eager, "This is short, isn't it?").is_some());
    assert_eq!(score(json!({ "kind": "language" }), text), None, "no language is wanted");
    let sure = json!({ "kind": "language", "language": "nb", "min_confidence": 0.99, "min_letters": 10 });
    let unsure = score(sure, "Det er en bog om en hund").unwrap();
    assert!(unsure.value == 0.0 && unsure.reason.contains("; wanted "), "{}", unsure.reason);
    let few = json!({ "kind": "language", "language": "de", "among": ["en"], "min_letters": 5 });
    assert_eq!(score(few, "Das ist gut").unwrap().value, 1.0);

    let reward =
        serde_json::from_value::<RewardSpec>(json!({ "kind": "language" })).unwrap().build().unwrap();
    let row = |language: Value| {
        let fields = json!({ "language": language });
        reward.score(&Sample::new("", text).with_fields(fields.as_object().unwrap())).unwrap()
    };
    assert_eq!(row(json!("eng")).value, 1.0);
    assert_eq!(row(json!("de")).value, 0.0);
    assert!(row(json!("xx")).value.is_nan() && row(json!(3)).value.is_nan());
}

#[test]
fn a_long_text_is_read_in_pieces_that_cover_it() {
    let english = TEXTS[0].1.repeat(200);
    let spec = || json!({ "kind": "language", "language": "en" });
    assert_eq!(score(spec(), &english).unwrap().value, 1.0);
    let ends_in_chinese = format!("{english}{}", TEXTS[19].1.repeat(100));
    assert_eq!(score(spec(), &ends_in_chinese).unwrap().value, 0.0);
}
