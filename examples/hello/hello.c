#include <stdio.h>

int main(void)
{
    puts("Hello from a measured stack.");
    return 0;
}
