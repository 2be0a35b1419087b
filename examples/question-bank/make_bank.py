"""Writes bank.zip: a QTI content package of exercises with small numbers, 600 items of six kinds.

    python3 make_bank.py            # the standard library is enough; the same file every time

Two kinds are QTI 2.1, two 2.2 and two 3.0. Right and wrong options change places, so that no letter is right more often than another.
"""

import random
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

EACH = 100
draw = random.Random(20261123)


def item21(identifier, title, declaration, body, template, namespace="http://www.imsglobal.org/xsd/imsqti_v2p1"):
    rules = f"http://www.imsglobal.org/question/qti_v2p1/rptemplates/{template}"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<assessmentItem xmlns="{namespace}" identifier="{identifier}" title="{escape(title)}" adaptive="false" timeDependent="false">
  {declaration}
  <outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float"/>
  <itemBody>
    {body}
  </itemBody>
  <responseProcessing template="{rules}"/>
</assessmentItem>
"""


def item22(*arguments):
    return item21(*arguments, namespace="http://www.imsglobal.org/xsd/imsqti_v2p2")


def item30(identifier, title, declaration, body, template):
    rules = f"https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/{template}.xml"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<qti-assessment-item xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0" identifier="{identifier}" title="{escape(title)}"
  adaptive="false" time-dependent="false">
  {declaration}
  <qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>
  <qti-item-body>
    {body}
  </qti-item-body>
  <qti-response-processing template="{rules}"/>
</qti-assessment-item>
"""


def numbers(count, low=2, high=30):
    return draw.sample(range(low, high + 1), count)


def values(identifiers):
    return "".join(f"<value>{identifier}</value>" for identifier in identifiers)


def largest(identifier):
    options = numbers(3)
    right = f"n{max(options)}"
    choices = "".join(f'<simpleChoice identifier="n{n}">{n}</simpleChoice>' for n in options)
    declaration = (
        '<responseDeclaration identifier="RESPONSE" cardinality="single" baseType="identifier">'
        f"<correctResponse>{values([right])}</correctResponse></responseDeclaration>"
    )
    body = (
        '<choiceInteraction responseIdentifier="RESPONSE" shuffle="false" maxChoices="1">'
        f"<prompt>Which number is the largest?</prompt>{choices}</choiceInteraction>"
    )
    return item21(identifier, "The largest of three", declaration, body, "match_correct")


def even(identifier):
    options = numbers(4)
    while not 1 <= sum(n % 2 == 0 for n in options) <= 3:
        options = numbers(4)
    right = [f"n{n}" for n in options if n % 2 == 0]
    choices = "".join(f'<simpleChoice identifier="n{n}">{n}</simpleChoice>' for n in options)
    entries = "".join(
        f'<mapEntry mapKey="n{n}" mappedValue="{1 if n % 2 == 0 else -1}"/>' for n in options
    )
    declaration = (
        '<responseDeclaration identifier="RESPONSE" cardinality="multiple" baseType="identifier">'
        f"<correctResponse>{values(right)}</correctResponse>"
        f'<mapping lowerBound="0" upperBound="{len(right)}" defaultValue="0">{entries}</mapping></responseDeclaration>'
    )
    body = (
        '<choiceInteraction responseIdentifier="RESPONSE" shuffle="false" maxChoices="0">'
        f"<prompt>Which numbers are even?</prompt>{choices}</choiceInteraction>"
    )
    return item21(identifier, "Even numbers", declaration, body, "map_response")


def compare(identifier):
    first, second = numbers(2)
    right = "larger" if first > second else "smaller"
    options = draw.sample(["larger", "smaller"], 2)
    choices = "".join(f'<inlineChoice identifier="{word}">{word}</inlineChoice>' for word in options)
    declaration = (
        '<responseDeclaration identifier="RESPONSE" cardinality="single" baseType="identifier">'
        f"<correctResponse>{values([right])}</correctResponse></responseDeclaration>"
    )
    body = (
        f'<p>{first} is <inlineChoiceInteraction responseIdentifier="RESPONSE" shuffle="false">{choices}'
        f"</inlineChoiceInteraction> than {second}.</p>"
    )
    return item22(identifier, "Larger or smaller", declaration, body, "match_correct")


def double(identifier):
    sources = numbers(3, 2, 15)
    targets = draw.sample(sources, 3)
    pairs = [f"n{n} d{2 * n}" for n in sources]
    entries = "".join(f'<mapEntry mapKey="{pair}" mappedValue="1"/>' for pair in pairs)
    declaration = (
        '<responseDeclaration identifier="RESPONSE" cardinality="multiple" baseType="directedPair">'
        f'<correctResponse>{values(pairs)}</correctResponse><mapping defaultValue="0">{entries}</mapping>'
        "</responseDeclaration>"
    )
    left = "".join(f'<simpleAssociableChoice identifier="n{n}" matchMax="1">{n}</simpleAssociableChoice>' for n in sources)
    right = "".join(
        f'<simpleAssociableChoice identifier="d{2 * n}" matchMax="1">{2 * n}</simpleAssociableChoice>' for n in targets
    )
    body = (
        '<matchInteraction responseIdentifier="RESPONSE" shuffle="false" maxAssociations="3">'
        f"<prompt>Which is the double of which?</prompt><simpleMatchSet>{left}</simpleMatchSet>"
        f"<simpleMatchSet>{right}</simpleMatchSet></matchInteraction>"
    )
    return item22(identifier, "Doubles", declaration, body, "map_response")


def add(identifier):
    first, second = draw.randint(2, 19), draw.randint(2, 10)
    declaration = (
        '<qti-response-declaration identifier="RESPONSE" cardinality="single" base-type="integer">'
        f"<qti-correct-response><qti-value>{first + second}</qti-value></qti-correct-response></qti-response-declaration>"
    )
    body = f'<p>{first} + {second} = <qti-text-entry-interaction response-identifier="RESPONSE" expected-length="3"/></p>'
    return item30(identifier, "A sum", declaration, body, "match_correct")


def order(identifier):
    options = numbers(3)
    right = "".join(f"<qti-value>n{n}</qti-value>" for n in sorted(options))
    choices = "".join(f'<qti-simple-choice identifier="n{n}">{n}</qti-simple-choice>' for n in options)
    declaration = (
        '<qti-response-declaration identifier="RESPONSE" cardinality="ordered" base-type="identifier">'
        f"<qti-correct-response>{right}</qti-correct-response></qti-response-declaration>"
    )
    body = (
        '<qti-order-interaction response-identifier="RESPONSE" shuffle="false">'
        f"<qti-prompt>Put these numbers in order, the smallest first.</qti-prompt>{choices}</qti-order-interaction>"
    )
    return item30(identifier, "Three in order", declaration, body, "match_correct")


KINDS = [
    (largest, "imsqti_item_xmlv2p1"),
    (even, "imsqti_item_xmlv2p1"),
    (compare, "imsqti_item_xmlv2p2"),
    (double, "imsqti_item_xmlv2p2"),
    (add, "imsqti_item_xmlv3p0"),
    (order, "imsqti_item_xmlv3p0"),
]


def package():
    """Names and contents of the files."""
    files, resources, seen = {}, [], set()
    for kind, resource in KINDS:
        number = 0
        while number < EACH:
            identifier = f"{kind.__name__}-{number + 1:03}"
            text = kind(identifier)
            question = text.replace(identifier, "")
            if question in seen:
                continue
            seen.add(question)
            number += 1
            name = f"items/{identifier}.xml"
            files[name] = text
            resources.append(
                f'    <resource identifier="{identifier}" type="{resource}" href="{name}"><file href="{name}"/></resource>\n'
            )
    manifest = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<manifest xmlns="http://www.imsglobal.org/xsd/imscp_v1p1" identifier="small-numbers">\n'
        "  <organizations/>\n  <resources>\n" + "".join(resources) + "  </resources>\n</manifest>\n"
    )
    return {"imsmanifest.xml": manifest, **files}


def main():
    path = Path(__file__).with_name("bank.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, text in package().items():
            # A fixed time: the same file every time.
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED, 9)
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
