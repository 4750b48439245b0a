"""Release the branch: `make release` the version that settings.ini prepares, `make release VERSION=1.0.0` another.
CONTRIBUTING.md says what that means.

It refuses before it touches anything, and pushes only what passed the tests: the release, its tag, and the branch
opened for the next version."""
import re
import subprocess
import sys
from datetime import date

from packaging.version import Version

from addresses import cfg, root

changelog, settings, environment = root/'CHANGELOG.md', root/'settings.ini', root/'.venv'/'ready'


def git(*arguments):
    return subprocess.run(['git', *arguments], cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def unreleased(text):
    "What the changelog `text` says below its heading Unreleased"
    return re.search(r'^## \[Unreleased\]\n(.*?)(?=^## |\Z)', text, re.M | re.S)[1].strip()


def refusal(version):
    "Why `version` can't be released now, or None"
    if not re.fullmatch(r'\d+\.\d+\.\d+', version):
        return f'A version is three numbers, such as 1.2.3, but this is {version}.'
    if changed := git('status', '--porcelain'): return f'There are changes that are not committed:\n{changed}'
    if (branch := git('branch', '--show-current')) != cfg.branch:
        return f'A release is made on {cfg.branch}, but this is {branch or "no branch"}.'
    git('fetch', '--quiet', '--tags', 'origin')
    if git('rev-parse', 'HEAD') != git('rev-parse', f'origin/{cfg.branch}'):
        return f'{cfg.branch} differs from origin/{cfg.branch}: pull, push and let the checks run.'
    released = [Version(o) for o in git('tag', '--list', 'v[0-9]*').split()]
    if released and Version(version) <= max(released):
        return f'{version} does not come after {max(released)}, the last release.'
    if not unreleased(changelog.read_text(encoding='utf-8')): return 'CHANGELOG.md says nothing below Unreleased.'


def write(version):
    "`version` in settings.ini, and all that follows from it"
    settings.write_text(re.sub('^version = .*', f'version = {version}', settings.read_text(encoding='utf-8'),
                               flags=re.M), encoding='utf-8')
    environment.touch()  # settings.ini is newer now, but asks for the same packages
    for script in 'addresses.py', 'readme.py': subprocess.run([sys.executable, f'tools/{script}'], cwd=root, check=True)


def main(version):
    if reason := refusal(version): sys.exit(f'Not released: {reason}')
    try:
        write(version)
        text = changelog.read_text(encoding='utf-8')
        changelog.write_text(text.replace('## [Unreleased]\n',
                                          f'## [Unreleased]\n\n## [{version}] - {date.today()}\n', 1),
                             encoding='utf-8')
        subprocess.run(['make', 'test'], cwd=root, check=True)
        git('commit', '--quiet', '--all', '--message', f'Release {version}')
    except BaseException as e:
        git('restore', '--staged', '--worktree', '.')  # as it was: nothing was uncommitted when it began
        environment.touch()
        if isinstance(e, subprocess.CalledProcessError):
            sys.exit(f'Not released, and all is as it was: {" ".join(e.cmd)} failed.')
        raise
    git('tag', '--annotate', '--message', f'Release {version}', f'v{version}')
    major, minor, patch = version.split('.')
    write(upcoming := f'{major}.{minor}.{int(patch) + 1}.dev0')
    git('commit', '--quiet', '--all', '--message', f'Open {upcoming}')
    # alone, so that publish.yml sees the release
    git('push', '--quiet', '--atomic', 'origin', f'HEAD~1:refs/heads/{cfg.branch}', f'v{version}')
    git('push', '--quiet', 'origin', cfg.branch)
    print(f'Released {version}. The workflows release and publish do the rest; {cfg.branch} is now {upcoming}.')


if __name__ == '__main__': main(sys.argv[1] if len(sys.argv) > 1 else Version(cfg.version).base_version)
