# The same question in three languages.
set -eu
which-tee
sh /usr/share/which-tee/which_tee.sh
python3 /usr/share/which-tee/which_tee.py
