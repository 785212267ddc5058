"""What a file is for, told from its path alone, in the spirit of GitHub's linguist.

Rules are data: a new one is a word in one of these tables, and a line in the table of examples in the tests.
"""

from __future__ import annotations

import re
from functools import lru_cache

from loccit.core.source import FileRole


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VENDORED_FOLDERS = _words(
    "node_modules bower_components jspm_modules vendor vendors vendored _vendor third_party third-party "
    "thirdparty 3rdparty externals extern godeps carthage .yarn site-packages web_modules"
)
_VENDORED_FILE = re.compile(
    r"^(jquery([.-][\w.-]*)?|bootstrap([.-][\w.-]*)?|modernizr([.-][\w.-]*)?|d3(\.v\d+)?"
    r"|react(-dom)?([.-][\d.]+)"
    r"|angular([.-][\d.]+)?|vue([.-][\d.]+)|lodash([.-][\w.-]*)?|underscore([.-][\w.-]*)?|require|raphael|htmx)"
    r"(\.min)?\.(js|css)$"
    r"|^(gradlew(\.bat)?|mvnw(\.cmd)?|configure|config\.(guess|sub)|libtool\.m4|ltoptions\.m4|versioneer\.py)$"
)
_GENERATED_FOLDERS = _words("__generated__ __pycache__ .next .nuxt .eggs __snapshots__ autom4te.cache")
_GENERATED_FILES = _words(
    "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb composer.lock "
    "gemfile.lock cargo.lock poetry.lock pdm.lock uv.lock pipfile.lock pixi.lock go.sum flake.lock "
    "mix.lock pubspec.lock podfile.lock deno.lock packages.lock.json .terraform.lock.hcl gopkg.lock "
    "glide.lock module.bazel.lock conan.lock"
)
_GENERATED_FILE = re.compile(
    r"(\.min\.(js|css|mjs|cjs)|[.-](bundle|chunk)\.(js|css)|\.(js|css|mjs|cjs|ts)\.map"
    r"|_pb2(_grpc)?\.pyi?|\.pb\.(go|cc|h|c)|_pb\.(js|d\.ts|rb|ts)|\.pb\.gw\.go|\.pbobjc\.[hm]"
    r"|\.(g|freezed|designer|generated|gen|g\.i)\.(dart|cs|vb|ts|js|go|java|rs|py)"
    r"|_generated\.(go|rs|py|ts|js|h|c|cc|cpp)"
    r"|^zz_generated\..*\.go|^bindata\.go|\.(pyc|class|o|obj|snap)|\.lock|[.-]lock\.json)$"
)
_TEST_FOLDERS = _words(
    "tests __tests__ __mocks__ testdata test-data test_data testing_data e2e cypress unittests unit_tests "
    "integration_tests integration-tests functional_tests testsuite test-suite"
)
# Names that are a package's own business as often as its tests: tests only where other signs agree.
_TEST_FOLDERS_AT_TOP = _words("test testing spec specs t")
_TEST_FILE = re.compile(
    r"^(tests|conftest|test_[^/]*|[^/]*_tests?)\.py$"
    r"|_test\.go$|[._-](test|tests|spec|e2e|cy)\.(js|jsx|ts|tsx|mjs|cjs|mts|cts|vue|dart)$"
    r"|_(spec|test)\.rb$|^test_[^/]*\.(rb|c|cc|cpp|sh|rs|js|ts|php|lua)$"
    r"|_(test|tests|unittest)\.(c|cc|cpp|cxx|rs|exs|dart|php|sh|js|ts)$|^tests?\.rs$|\.bats$"
)
_TEST_CLASS = re.compile(
    r"(Tests?|TestCase|IT|Specs?)\.(java|kt|scala|groovy|cs|php|swift)$|^Test[A-Z]\w*\.(java|kt|php)$"
)
_DOCS_FOLDERS = _words("documentation javadoc groovydoc apidoc apidocs")
_DOCS_FOLDERS_OUTSIDE_SOURCE = _words("doc docs man manual")
_DOCS_FOLDERS_AT_TOP = _words("example examples demo demos sample samples tutorials notebooks website")
_SOURCE_FOLDERS = _words("src lib app pkg internal cmd crates")
_DOCS_FILE = re.compile(
    r"^(readme|changelog|changes|history|news|contributing|contributors|authors|copying|copyright|notice"
    r"|licen[cs]e"
    r"|unlicense|install|security|support|code_of_conduct|maintainers|thanks|todo|upgrading|releases?"
    r"|release[_-]notes|faq)"
    r"(?P<rest>([._-][\w.-]*)?)$"
)
_DOCS_ENDINGS = _words(
    "md markdown mdx mdown mkd rst txt adoc asciidoc org textile rdoc pod tex texi texinfo roff me 1 2 3 "
    "4 5 6 7 8"
)
_OLD_ENDINGS = _words("old bak orig in")
_CONFIG_FOLDERS = _words(".github .gitlab .circleci .vscode .idea .devcontainer .husky .config")
_CONFIG_FILES = _words(
    "makefile gnumakefile dockerfile containerfile vagrantfile jenkinsfile procfile justfile rakefile "
    "gemfile brewfile cmakelists.txt meson.build meson_options.txt build.bazel sconstruct "
    "wscript setup.py setup.cfg noxfile.py manifest.in pom.xml build.xml go.mod go.work "
    "package.json composer.json bower.json deno.json deno.jsonc tsconfig.json jsconfig.json lerna.json "
    "nx.json turbo.json angular.json renovate.json biome.json tslint.json project.json app.json "
    "manifest.json nuget.config pipfile py.typed codeowners vercel.json netlify.toml"
)
_CONFIG_FILE = re.compile(
    r"^\.[^/]*$|^(requirements|constraints)([._-][^/]*)?\.(txt|in)$|^tsconfig\.[^/]*\.json$"
    r"|^dockerfile\.|\.dockerfile$"
    r"|^[\w-]+\.(config|conf)(\.[\w-]+)*\.(js|ts|cjs|mjs|mts|cts|json)$|^(gulpfile|gruntfile)\.(js|ts)$"
)
_CONFIG_ENDINGS = _words(
    "toml yaml yml ini cfg conf config properties env gradle cmake mk bzl bazel tf tfvars hcl nix plist "
    "csproj fsproj vbproj sln vcxproj props targets editorconfig service spec"
)
_DATA_FOLDERS = _words("fixtures fixture __fixtures__ cassettes locale locales i18n translations golden")
_DATA_ENDINGS = _words(
    "csv tsv json jsonl ndjson geojson topojson json5 po pot mo xlf xliff xml xsd dtd svg sql3 dat arb "
    "resx strings parquet avro arff log out wkt gml kml gpx ttl nt rdf owl bib ris vcf fasta fastq pdb "
    "sdf mol patch diff pem crt key pub asc ics eml mbox srt vtt"
)
_CODE_ENDINGS = _words(
    "py pyi pyx pxd js jsx ts tsx mjs cjs mts cts vue svelte go rs java kt kts scala groovy c cc cpp cxx "
    "h hh hpp hxx m mm cs fs vb rb php sh bash zsh fish pl pm lua r jl ex exs erl hs ml mli clj cljs "
    "swift dart sql html htm css scss less sass proto graphql ipynb zig nim asm s ps1 bat"
)
# `test/` inside a package holds the package's own test support at least as often as its tests.
_PYTHON_ENDINGS = frozenset(("py", "pyi", "pyx"))


def role_of(path: str) -> FileRole:
    """The role that a tree path suggests. What `.gitattributes` say comes on top: see `attributes`."""
    folder, _, name = path.rpartition("/")
    lowered = name.lower()
    _, dot, ending = lowered.rpartition(".")
    ending = ending if dot else ""
    by_folder = _role_of_folder(folder, ending in _PYTHON_ENDINGS)
    if by_folder is FileRole.VENDORED or by_folder is FileRole.GENERATED:
        return by_folder
    if _VENDORED_FILE.search(lowered):
        return FileRole.VENDORED
    if lowered in _GENERATED_FILES or _GENERATED_FILE.search(lowered):
        return FileRole.GENERATED
    return _role_by_content(name, lowered, ending, by_folder)


def _role_by_content(name: str, lowered: str, ending: str, by_folder: FileRole | None) -> FileRole:
    if lowered in _CONFIG_FILES or _CONFIG_FILE.search(lowered):
        return FileRole.CONFIG
    is_code = ending in _CODE_ENDINGS
    if is_code and (_TEST_FILE.search(lowered) or _TEST_CLASS.search(name)):
        return FileRole.TEST
    written = _DOCS_FILE.match(lowered)
    if (
        written
        and not is_code
        and (ending in _DOCS_ENDINGS or ending in _OLD_ENDINGS or written["rest"].count(".") == 0)
    ):
        return FileRole.DOCS
    if ending in _DATA_ENDINGS or (by_folder is FileRole.DATA and not is_code):
        return FileRole.DATA
    if by_folder is FileRole.TEST or by_folder is FileRole.DOCS:
        return by_folder
    if ending in _DOCS_ENDINGS:
        return FileRole.DOCS
    if by_folder is FileRole.CONFIG or ending in _CONFIG_ENDINGS:
        return FileRole.CONFIG
    return FileRole.TEST if _TEST_FILE.search(lowered) else FileRole.SOURCE


@lru_cache(maxsize=65_536)
def _role_of_folder(folder: str, is_python: bool) -> FileRole | None:
    parts = folder.lower().split("/") if folder else []
    if not _VENDORED_FOLDERS.isdisjoint(parts):
        return FileRole.VENDORED
    if not _GENERATED_FOLDERS.isdisjoint(parts):
        return FileRole.GENERATED
    if not _DATA_FOLDERS.isdisjoint(parts):
        return FileRole.TEST if is_python and not _TEST_FOLDERS.isdisjoint(parts) else FileRole.DATA
    if not _TEST_FOLDERS.isdisjoint(parts):
        return FileRole.TEST
    if parts and (parts[0] in _TEST_FOLDERS_AT_TOP or (not is_python and _has_test_folder(parts))):
        return FileRole.TEST
    if _is_documentation(parts):
        return FileRole.DOCS
    if not _CONFIG_FOLDERS.isdisjoint(parts):
        return FileRole.CONFIG
    return None


def _has_test_folder(parts: list[str]) -> bool:
    return "test" in parts or "spec" in parts or "specs" in parts


def _is_documentation(parts: list[str]) -> bool:
    if not parts:
        return False
    if parts[0] in _DOCS_FOLDERS_AT_TOP or not _DOCS_FOLDERS.isdisjoint(parts):
        return True
    for part in parts:
        if part in _SOURCE_FOLDERS:
            return False
        if part in _DOCS_FOLDERS_OUTSIDE_SOURCE:
            return True
    return False
