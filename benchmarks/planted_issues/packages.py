"""Faults planted in small packages with permissive licences, which are downloaded when the benchmark runs.

A package is its source distribution, pinned by version and SHA-256; nothing of it is kept here but the few
lines that are broken.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.planted_issues.scripts import Edit, PlantedIssue


@dataclass(frozen=True)
class Package:
    """A source distribution: of PyPI, or with `is_npm` of npm. `root` is its folder in the archive."""

    name: str
    version: str
    sha256: str
    licence: str
    is_npm: bool = False


@dataclass(frozen=True)
class Seed:
    """A fault: in `path` stood `good`, and now stands `bad`.

    `cases` are expressions with what they should be; the first is the issue's, the others are the hidden
    test's. `got` is a passage of how the first one fails. `imports` come before them.
    """

    name: str
    package: str
    path: str
    good: str
    bad: str
    imports: str
    cases: tuple[tuple[str, str], ...]
    got: str
    title: str
    told: str
    look_for: str


PACKAGES = {
    package.name: package
    for package in (
        Package(
            "inflection", "0.5.1", "1a29730d366e996aaacffb2f1f1cb9593dc38e2ddd30c91250c6dde09ea9b417", "MIT"
        ),
        Package(
            "jsonpointer",
            "2.4",
            "585cee82b70211fa9e6043b7bb89db6e1aa49524340dde8ad6b63206ea689d88",
            "BSD-3-Clause",
        ),
        Package(
            "deepmerge", "1.1.1", "53a489dc9449636e480a784359ae2aab3191748c920649551c8e378622f0eca4", "MIT"
        ),
        Package(
            "webcolors",
            "1.13",
            "c225b674c83fa923be93d235330ce0300373d02885cef23238813b0d5668304a",
            "BSD-3-Clause",
        ),
        Package(
            "wcwidth", "0.2.13", "72ea0c06399eb286d978fdedb6923a9eb47e1c486ce63e9b4e64fc18303972b5", "MIT"
        ),
        Package(
            "toolz",
            "0.12.1",
            "ecca342664893f177a13dac0e6b41cbd8ac25a358e5f215316d43e2100224f4d",
            "BSD-3-Clause",
        ),
        Package(
            "more-itertools",
            "10.2.0",
            "8fccb480c43d3e99a00087634c06dd02b0d50fbf088b380de5a41a015ec239e1",
            "MIT",
        ),
        Package(
            "semver",
            "3.0.2",
            "6253adb39c70f6e51afed2fa7152bcd414c411286088fb4b9effb133885ab4cc",
            "BSD-3-Clause",
        ),
        Package(
            "jmespath", "1.0.1", "90261b206d6defd58fdd5e85f478bf633a2901798906be2ad389150c5c60edbe", "MIT"
        ),
        Package(
            "sqlparse",
            "0.5.0",
            "714d0a4932c059d16189f58ef5411ec2287a4360f17cdd0edd2d09d4c5087c93",
            "BSD-3-Clause",
        ),
        Package(
            "cachetools", "5.3.3", "ba29e2dfa0b8b556606f097407ed1aa62080ee108ab0dc5ec9d6a723a007d105", "MIT"
        ),
        Package(
            "sortedcontainers",
            "2.4.0",
            "25caa5a06cc30b6b83d11423433f65d1f9d76c4c6a0c90e3379eaa43b9bfdb88",
            "Apache-2.0",
        ),
        Package("tomli", "2.0.1", "de526c12914f0c550d15924c62d72abc48d6fe7364aa87328337a31007fe8a4f", "MIT"),
        Package(
            "ms",
            "2.1.3",
            "f6616e15e530ed552f9daa2d3ce71963947c6bc7c98c9b64fd3e673fd02622c6",
            "MIT",
            is_npm=True,
        ),
        Package(
            "minimist",
            "1.2.8",
            "350a76c115b393c19d24654834261e5dc9f0e8cc5e08f3937fa80140f3e4ce83",
            "MIT",
            is_npm=True,
        ),
    )
}

SEEDS = (
    Seed(
        name="ordinal_of_111",
        package="inflection",
        path="inflection/__init__.py",
        good="if number % 100 in (11, 12, 13):",
        bad="if number in (11, 12, 13):",
        imports="import inflection",
        cases=(
            ("inflection.ordinalize(111)", "'111th'"),
            ("inflection.ordinalize(212)", "'212th'"),
            ("inflection.ordinalize(13)", "'13th'"),
            ("inflection.ordinalize(21)", "'21st'"),
        ),
        got="assert '111st' == '111th'",
        title="ordinalize is wrong for 111, 112 and 113",
        told="We print places in long lists. From the hundreds on the endings are wrong:",
        look_for="def ordinal",
    ),
    Seed(
        name="trailing_separator",
        package="inflection",
        path="inflection/__init__.py",
        good="re.sub(r\"(?i)^{sep}|{sep}$\".format(sep=re_sep), '', string)",
        bad="re.sub(r\"(?i)^{sep}\".format(sep=re_sep), '', string)",
        imports="import inflection",
        cases=(
            ("inflection.parameterize('Hello world!')", "'hello-world'"),
            ("inflection.parameterize('!a b!')", "'a-b'"),
        ),
        got="assert 'hello-world-' == 'hello-world'",
        title="parameterize leaves a dash at the end",
        told="When a title ends in punctuation our URLs end in a dash.",
        look_for="def parameterize",
    ),
    Seed(
        name="idea_loses_id",
        package="inflection",
        path="inflection/__init__.py",
        good='word = re.sub(r"_id$", "", word)',
        bad='word = word.replace("_id", "")',
        imports="import inflection",
        cases=(
            ("inflection.humanize('first_idea')", "'First idea'"),
            ("inflection.humanize('author_id')", "'Author'"),
        ),
        got="assert 'Firstea' == 'First idea'",
        title="humanize eats part of words",
        told="A column called first_idea is shown as 'Firstea'.",
        look_for="def humanize",
    ),
    Seed(
        name="digits_before_capitals",
        package="inflection",
        path="inflection/__init__.py",
        good="word = re.sub(r\"([a-z\\d])([A-Z])\", r'\\1_\\2', word)",
        bad="word = re.sub(r\"([a-z])([A-Z])\", r'\\1_\\2', word)",
        imports="import inflection",
        cases=(
            ("inflection.underscore('Level2Up')", "'level2_up'"),
            ("inflection.underscore('HTML5Parser')", "'html5_parser'"),
            ("inflection.underscore('deviceType')", "'device_type'"),
        ),
        got="assert 'level2up' == 'level2_up'",
        title="underscore misses a boundary after digits",
        told="Class names with a digit in the middle become one word.",
        look_for="def underscore",
    ),
    Seed(
        name="tilde_one",
        package="jsonpointer",
        path="jsonpointer.py",
        good="return s.replace('~1', '/').replace('~0', '~')",
        bad="return s.replace('~0', '~').replace('~1', '/')",
        imports="from jsonpointer import resolve_pointer",
        cases=(
            ("resolve_pointer({'~1': 7}, '/~01')", "7"),
            ("resolve_pointer({'a/b': 1}, '/a~1b')", "1"),
            ("resolve_pointer({'m~n': 2}, '/m~0n')", "2"),
        ),
        got="KeyError: '/'",
        title="A key that is ~1 cannot be reached",
        told="RFC 6901 says that ~01 stands for ~1. It ends in an error that the member '/' is not found.",
        look_for="def unescape",
    ),
    Seed(
        name="slash_in_part",
        package="jsonpointer",
        path="jsonpointer.py",
        good="return s.replace('~', '~0').replace('/', '~1')",
        bad="return s.replace('/', '~1').replace('~', '~0')",
        imports="from jsonpointer import JsonPointer",
        cases=(
            ("JsonPointer.from_parts(['a/b']).path", "'/a~1b'"),
            ("JsonPointer.from_parts(['m~n']).path", "'/m~0n'"),
        ),
        got="assert '/a~01b' == '/a~1b'",
        title="from_parts writes slashes wrongly",
        told="Parts with a slash do not survive a round trip.",
        look_for="def escape",
    ),
    Seed(
        name="contains_prefix",
        package="jsonpointer",
        path="jsonpointer.py",
        good="return self.parts[:len(ptr.parts)] == ptr.parts",
        bad="return self.parts == ptr.parts[:len(self.parts)]",
        imports="from jsonpointer import JsonPointer",
        cases=(
            ("JsonPointer('/a/b/c').contains(JsonPointer('/a/b'))", "True"),
            ("JsonPointer('/a').contains(JsonPointer('/a/b'))", "False"),
        ),
        got="assert False == True",
        title="contains is the wrong way round",
        told="The documentation says that a pointer contains its prefixes.",
        look_for="def contains",
    ),
    Seed(
        name="append_unique",
        package="deepmerge",
        path="deepmerge/strategy/list.py",
        good="return base + [n for n in nxt if n not in base_as_set]",
        bad="return base + [n for n in nxt if n in base_as_set]",
        imports="from deepmerge import Merger",
        cases=(
            (
                "Merger([(list, ['append_unique'])], ['override'], ['override']).merge([1, 2], [2, 3])",
                "[1, 2, 3]",
            ),
            ("Merger([(list, ['append_unique'])], ['override'], ['override']).merge([], ['a'])", "['a']"),
        ),
        got="assert [1, 2, 2] == [1, 2, 3]",
        title="append_unique appends what is there already",
        told="Merging two lists repeats items and drops the new ones.",
        look_for="append_unique",
    ),
    Seed(
        name="nested_dicts",
        package="deepmerge",
        path="deepmerge/strategy/dict.py",
        good="base[k] = config.value_strategy(path + [k], base[k], v)",
        bad="base[k] = config.value_strategy(path, v, v)",
        imports="from deepmerge import always_merger",
        cases=(
            ("always_merger.merge({'a': {'x': 1}}, {'a': {'y': 2}})", "{'a': {'x': 1, 'y': 2}}"),
            (
                "always_merger.merge({'a': {'b': {'x': 1}}}, {'a': {'b': {'y': 2}}})",
                "{'a': {'b': {'x': 1, 'y': 2}}}",
            ),
        ),
        got="assert {'a': {'y': 2}} == {'a': {'x': 1, 'y': 2}}",
        title="Nested settings are lost when two files are merged",
        told="Only the second file's keys are left below a common key.",
        look_for="def strategy_merge",
    ),
    Seed(
        name="prepend_order",
        package="deepmerge",
        path="deepmerge/strategy/list.py",
        good='"""prepend nxt to base."""\n        return nxt + base',
        bad='"""prepend nxt to base."""\n        return base + nxt',
        imports="from deepmerge import Merger",
        cases=(
            ("Merger([(list, ['prepend'])], ['override'], ['override']).merge([1], [2])", "[2, 1]"),
            (
                "Merger([(list, ['prepend'])], ['override'], ['override']).merge(['b', 'c'], ['a'])",
                "['a', 'b', 'c']",
            ),
        ),
        got="assert [1, 2] == [2, 1]",
        title="The strategy prepend appends",
        told="Search paths of the user should come first.",
        look_for="def strategy_prepend",
    ),
    Seed(
        name="percent_over_100",
        package="webcolors",
        path="src/webcolors/normalization.py",
        good='"100%" if percent > 100 else',
        bad='"100%" if percent > 255 else',
        imports="import webcolors",
        cases=(
            ("tuple(webcolors.normalize_percent_triplet(('150%', '0%', '0%')))", "('100%', '0%', '0%')"),
            ("tuple(webcolors.normalize_percent_triplet(('101%', '-5%', '50%')))", "('100%', '0%', '50%')"),
        ),
        got="assert ('150%', '0%', '0%') == ('100%', '0%', '0%')",
        title="Percentages over 100 are not clipped",
        told="CSS clips them; here 150% stays.",
        look_for="_normalize_percent_rgb",
    ),
    Seed(
        name="grey_too_light",
        package="webcolors",
        path="src/webcolors/normalization.py",
        good="/ 100 * 255))",
        bad="/ 100 * 256))",
        imports="import webcolors",
        cases=(
            ("webcolors.rgb_percent_to_hex(('75%', '75%', '75%'))", "'#bfbfbf'"),
            ("webcolors.rgb_percent_to_hex(('100%', '100%', '100%'))", "'#ffffff'"),
        ),
        got="assert '#c0c0c0' == '#bfbfbf'",
        title="Grey in percent is a little too light",
        told="75% of 255 is 191, not 192.",
        look_for="_percent_to_integer",
    ),
    Seed(
        name="wide_characters",
        package="wcwidth",
        path="wcwidth/wcwidth.py",
        good="if ucs > table[mid][1]:",
        bad="if ucs >= table[mid][1]:",
        imports="from wcwidth import wcswidth",
        cases=(("wcswidth('\\u231b')", "2"), ("wcswidth('\\u30b3\\u30f3')", "4"), ("wcswidth('abc')", "3")),
        got="assert 1 == 2",
        title="Some wide characters count as narrow",
        told="A table with an hourglass in it is not aligned.",
        look_for="def _bisearch",
    ),
    Seed(
        name="no_characters",
        package="wcwidth",
        path="wcwidth/wcwidth.py",
        good="end = len(pwcs) if n is None else n",
        bad="end = len(pwcs) if not n else n",
        imports="from wcwidth import wcswidth",
        cases=(("wcswidth('abc', 0)", "0"), ("wcswidth('abc', 2)", "2"), ("wcswidth('abc')", "3")),
        got="assert 3 == 0",
        title="wcswidth of no characters is that of all",
        told="Asking for the width of the first 0 characters gives the width of the whole string.",
        look_for="def wcswidth",
    ),
    Seed(
        name="unique_by_key",
        package="toolz",
        path="toolz/itertoolz.py",
        good="            if val not in seen:\n                seen_add(val)",
        bad="            if val not in seen:\n                seen_add(item)",
        imports="from toolz import unique",
        cases=(
            ("list(unique(['cat', 'mouse', 'dog', 'hen'], key=len))", "['cat', 'mouse']"),
            ("list(unique([1, 3, 2], key=lambda n: n % 2))", "[1, 2]"),
        ),
        got="assert ['cat', 'mouse', 'dog', 'hen'] == ['cat', 'mouse']",
        title="unique with a key lets repetitions through",
        told="With key=len all words come back.",
        look_for="def unique",
    ),
    Seed(
        name="merge_with_all",
        package="toolz",
        path="toolz/dicttoolz.py",
        good="result[k] = func(v.__self__)",
        bad="result[k] = func(v.__self__[-1:])",
        imports="from toolz import merge_with",
        cases=(
            ("merge_with(sum, {1: 1}, {1: 10, 2: 2})", "{1: 11, 2: 2}"),
            ("merge_with(max, {'a': 9}, {'a': 3})", "{'a': 9}"),
        ),
        got="assert {1: 10, 2: 2} == {1: 11, 2: 2}",
        title="merge_with forgets all but the last value",
        told="Totals of two months are those of the second.",
        look_for="def merge_with",
    ),
    Seed(
        name="get_in_lists",
        package="toolz",
        path="toolz/dicttoolz.py",
        good="except (KeyError, IndexError, TypeError):",
        bad="except KeyError:",
        imports="from toolz import get_in",
        cases=(
            ("get_in(['a', 5], {'a': [1]}, 0)", "0"),
            ("get_in(['a', 'b'], {'a': None}, 'no')", "'no'"),
            ("get_in(['x'], {})", "None"),
        ),
        got="IndexError: list index out of range",
        title="get_in raises instead of giving its default",
        told="For a list that is too short there should be the default:",
        look_for="def get_in",
    ),
    Seed(
        name="padded_multiple",
        package="more-itertools",
        path="more_itertools/more.py",
        good="(n - item_count) % n if next_multiple",
        bad="n - item_count % n if next_multiple",
        imports="from more_itertools import padded",
        cases=(
            ("list(padded([1, 2, 3, 4], 0, 2, next_multiple=True))", "[1, 2, 3, 4]"),
            ("list(padded([1, 2, 3], 0, 2, next_multiple=True))", "[1, 2, 3, 0]"),
        ),
        got="assert [1, 2, 3, 4, 0, 0] == [1, 2, 3, 4]",
        title="padded adds a whole row too many",
        told="A list that fills its rows exactly gets another row of padding.",
        look_for="def padded",
    ),
    Seed(
        name="intersperse_groups",
        package="more-itertools",
        path="more_itertools/more.py",
        good="        chunks = chunked(iterable, n)\n        return flatten",
        bad="        chunks = chunked(iterable, n - 1)\n        return flatten",
        imports="from more_itertools import intersperse",
        cases=(
            ("list(intersperse('x', [1, 2, 3, 4, 5], n=2))", "[1, 2, 'x', 3, 4, 'x', 5]"),
            ("list(intersperse(0, [1, 2, 3, 4], n=3))", "[1, 2, 3, 0, 4]"),
        ),
        got="assert [1, 'x', 2, 'x', 3, 'x', ...] == [1, 2, 'x', 3, 4, 'x', ...]",
        title="intersperse with n=2 puts the element everywhere",
        told="It should come after every second item.",
        look_for="def intersperse",
    ),
    Seed(
        name="minor_keeps_patch",
        package="semver",
        path="src/semver/version.py",
        good="return cls(self._major, self._minor + 1)",
        bad="return cls(self._major, self._minor + 1, self._patch)",
        imports="from semver import Version",
        cases=(
            ("str(Version.parse('1.2.3').bump_minor())", "'1.3.0'"),
            ("str(Version.parse('0.9.9').bump_minor())", "'0.10.0'"),
        ),
        got="assert '1.3.3' == '1.3.0'",
        title="bump_minor keeps the patch number",
        told="A new minor version should begin at patch 0.",
        look_for="def bump_minor",
    ),
    Seed(
        name="text_after_number",
        package="semver",
        path="src/semver/version.py",
        good="string = string[: max(end - len(next_), start)] + next_ + string[end:]",
        bad="string = string[: max(end - len(next_), start)] + next_",
        imports="from semver import Version",
        cases=(
            ("str(Version.parse('1.0.0-1.beta').bump_prerelease())", "'1.0.0-2.beta'"),
            ("str(Version.parse('1.0.0-rc.9').bump_prerelease())", "'1.0.0-rc.10'"),
        ),
        got="assert '1.0.0-2' == '1.0.0-2.beta'",
        title="bump_prerelease cuts off what follows the number",
        told="Our versions end in a word.",
        look_for="_increment_string",
    ),
    Seed(
        name="accents",
        package="inflection",
        path="inflection/__init__.py",
        good="normalized = unicodedata.normalize('NFKD', string)",
        bad="normalized = unicodedata.normalize('NFC', string)",
        imports="import inflection",
        cases=(
            ("inflection.transliterate('älämölö')", "'alamolo'"),
            ("inflection.parameterize('Été')", "'ete'"),
        ),
        got="assert 'lml' == 'alamolo'",
        title="Letters with accents vanish",
        told="Names in our addresses lose letters.",
        look_for="def transliterate",
    ),
    Seed(
        name="values_are_filtered",
        package="toolz",
        path="toolz/dicttoolz.py",
        good="if predicate(v):",
        bad="if predicate((k, v)):",
        imports="from toolz import valfilter",
        cases=(
            ("valfilter(lambda v: v == 2, {1: 2, 3: 4})", "{1: 2}"),
            ("valfilter(bool, {'a': 0, 'b': 1})", "{'b': 1}"),
        ),
        got="assert {} == {1: 2}",
        title="valfilter hands pairs to the predicate",
        told="A filter by value finds nothing.",
        look_for="def valfilter",
    ),
    Seed(
        name="floor_of_negative",
        package="jmespath",
        path="jmespath/functions.py",
        good="return math.floor(arg)",
        bad="return math.trunc(arg)",
        imports="import jmespath",
        cases=(("jmespath.search('floor(@)', -1.5)", "-2"), ("jmespath.search('floor(@)', 1.5)", "1")),
        got="assert -1 == -2",
        title="floor rounds negative numbers up",
        told="The specification says the next lowest integer.",
        look_for="_func_floor",
    ),
    Seed(
        name="backticks",
        package="sqlparse",
        path="sqlparse/utils.py",
        good="if val[0] in ('\"', \"'\", '`') and val[0] == val[-1]:",
        bad="if val[0] in ('\"', \"'\") and val[0] == val[-1]:",
        imports="from sqlparse.utils import remove_quotes",
        cases=(("remove_quotes('`a`')", "'a'"), ("remove_quotes('\"a\"')", "'a'")),
        got="assert '`a`' == 'a'",
        title="Names in backticks keep them",
        told="MySQL writes names in backticks; get_real_name gives them with the quotes.",
        look_for="def remove_quotes",
    ),
    Seed(
        name="grown_items",
        package="cachetools",
        path="src/cachetools/__init__.py",
        good="if key not in self.__data or self.__size[key] < size:",
        bad="if key not in self.__data:",
        imports="from cachetools import Cache\n\n\ndef grown():\n    cache = Cache(10, getsizeof=len)\n    cache['a'] = 'x' * 4\n    cache['b'] = 'y' * 4\n    cache['a'] = 'x' * 8\n    return cache.currsize <= cache.maxsize",  # noqa: E501 - a text as somebody wrote it
        cases=(("grown()", "True"),),
        got="assert False == True",
        title="A cache grows beyond its size when an item grows",
        told="Memory goes up for ever when values are replaced by longer ones. With two items of 4 in a cache of 10, one of which becomes 8 long:",  # noqa: E501 - a text as somebody wrote it
        look_for="def __setitem__",
    ),
    Seed(
        name="popitem_index",
        package="sortedcontainers",
        path="sortedcontainers/sorteddict.py",
        good="key = self._list_pop(index)",
        bad="key = self._list_pop()",
        imports="from sortedcontainers import SortedDict",
        cases=(
            ("SortedDict(a=1, b=2).popitem(0)", "('a', 1)"),
            ("SortedDict(a=1, b=2).popitem()", "('b', 2)"),
        ),
        got="assert ('b', 2) == ('a', 1)",
        title="popitem(0) takes the last item",
        told="The index is not looked at.",
        look_for="def popitem",
    ),
    Seed(
        name="ends_with",
        package="jmespath",
        path="jmespath/functions.py",
        good="def _func_ends_with(self, search, suffix):\n        return search.endswith(suffix)",
        bad="def _func_ends_with(self, search, suffix):\n        return search.startswith(suffix)",
        imports="import jmespath",
        cases=(
            ("jmespath.search(\"ends_with(@, 'bar')\", 'foobar')", "True"),
            ("jmespath.search(\"ends_with(@, 'foo')\", 'foobar')", "False"),
        ),
        got="assert False == True",
        title="ends_with looks at the beginning",
        told="Filters by file ending find nothing.",
        look_for="_func_ends_with",
    ),
    Seed(
        name="hexadecimal",
        package="tomli",
        path="src/tomli/_re.py",
        good="return int(match.group(), 0)",
        bad="return int(match.group())",
        imports="import tomli",
        cases=(
            ("tomli.loads('a = 0xff')['a']", "255"),
            ("tomli.loads('a = 0b101')['a']", "5"),
            ("tomli.loads('a = 42')['a']", "42"),
        ),
        got="ValueError: invalid literal for int() with base 10: '0xff'",
        title="Hexadecimal numbers end in a traceback",
        told="A file with 0xff cannot be read any more.",
        look_for="def match_to_number",
    ),
    Seed(
        name="negative_plural",
        package="ms",
        path="index.js",
        good="var isPlural = msAbs >= n * 1.5;",
        bad="var isPlural = ms >= n * 1.5;",
        imports="const ms = require('../index.js');",
        cases=(
            ("ms(-120000, { long: true })", "'-2 minutes'"),
            ("ms(60000, { long: true })", "'1 minute'"),
            ("ms(7200000, { long: true })", "'2 hours'"),
        ),
        got="ERR_ASSERTION",
        title="Negative durations are not in the plural",
        told="Two minutes ago is shown as -2 minute.",
        look_for="plural",
    ),
    Seed(
        name="negative_hours",
        package="ms",
        path="index.js",
        good="if (msAbs >= h) {\n    return Math.round(ms / h)",
        bad="if (ms >= h) {\n    return Math.round(ms / h)",
        imports="const ms = require('../index.js');",
        cases=(("ms(-3 * 60 * 60 * 1000)", "'-3h'"), ("ms(3 * 60 * 60 * 1000)", "'3h'")),
        got="ERR_ASSERTION",
        title="-3h is shown in minutes",
        told="Negative hours come out as -180m.",
        look_for="fmtShort",
    ),
    Seed(
        name="repeated_flag",
        package="minimist",
        path="index.js",
        good="if (o[lastKey] === undefined || flags.bools[lastKey] || typeof o[lastKey] === 'boolean') {",
        bad="if (o[lastKey] === undefined || flags.bools[lastKey]) {",
        imports="const minimist = require('../index.js');",
        cases=(
            ("minimist(['-v', '-v']).v", "true"),
            ("minimist(['-v']).v", "true"),
            ("minimist(['-a', '1', '-a', '2']).a", "[1, 2]"),
        ),
        got="ERR_ASSERTION",
        title="A flag that is given twice becomes a list",
        told="We pass -v twice by accident.",
        look_for="setKey",
    ),
)


def planted_issue(seed: Seed) -> PlantedIssue:
    """The seed as an issue with the script that solves it."""
    is_node = PACKAGES[seed.package].is_npm
    first, *others = seed.cases
    body = _node_test if is_node else _python_test
    return PlantedIssue(
        name=seed.name,
        issue=f"{seed.title}\n\n{seed.told}\n\n    {first[0]}\n\nshould give {first[1]}.\n",
        plant=(Edit(seed.path, seed.good, seed.bad),),
        test_path=f"tests/test_{seed.name}.{'js' if is_node else 'py'}",
        test=body(seed, [first]),
        failure=seed.got,
        fix=(Edit(seed.path, seed.bad, seed.good),),
        hidden_path=f"tests/test_hidden_{seed.name}.{'js' if is_node else 'py'}",
        hidden=body(seed, others or [first]),
        look_for=seed.look_for,
        plan=f"The code in {seed.path} does not do what the issue expects of it.",
    )


def _python_test(seed: Seed, cases: list[tuple[str, str]]) -> str:
    lines = [f"    assert {expression} == {expected}" for expression, expected in cases]
    return "\n".join([seed.imports, "", "", f"def test_{seed.name}():", *lines, ""])


def _node_test(seed: Seed, cases: list[tuple[str, str]]) -> str:
    lines = [f"  assert.deepStrictEqual({expression}, {expected});" for expression, expected in cases]
    head = ["const test = require('node:test');", "const assert = require('node:assert');", seed.imports]
    return "\n".join([*head, "", f"test('{seed.name}', () => {{", *lines, "});", ""])
