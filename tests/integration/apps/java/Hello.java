import java.util.ArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Threads, memory that is collected, and a program. */
public class Hello {
    public static void main(String[] args) throws Exception {
        System.out.println("hello from Java " + Runtime.version().feature());
        var pool = Executors.newFixedThreadPool(16);
        var results = new ArrayList<Future<Integer>>();
        for (int i = 0; i < 1000; i++) {
            int n = i;
            results.add(pool.submit(() -> n));
        }
        long sum = 0;
        for (var result : results)
            sum += result.get();
        pool.shutdown();
        System.out.println("sum " + sum);
        var kept = new byte[8][];
        for (int i = 0; i < 200; i++)
            kept[i % kept.length] = new byte[1 << 20];
        System.gc();
        System.out.println("memory " + (Runtime.getRuntime().maxMemory() >> 20 >= 200));
        System.out.println("program " + new ProcessBuilder("true").start().waitFor());
    }
}
