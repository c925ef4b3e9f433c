# Canonical JSON: no blanks, keys in order. So a pattern is enough to read it.
if [ -z "${OLOS_TARGET:-}" ]; then
    echo "shell: no TEE"
    exit 1
fi
case $(cat /run/olos/tee.json) in
*'"hardware":true'*) kind=hardware ;;
*) kind=simulated ;;
esac
echo "shell: target $OLOS_TARGET, $kind"
